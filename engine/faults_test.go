package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// errNoAnswer is the error of a call without an answer. As with a connection that breaks,
// it does not say whether the call has taken effect.
var errNoAnswer = errors.New("the answer was lost")

// faults is a hook that injects faults, which a test sets and clears while engines run.
// Without one, all calls reach the database.
type faults struct {
	fails, loses atomic.Pointer[func(wire.Call) bool]
}

// fail makes the calls for which which returns true fail without effect. It may wait, and
// so delay a call.
func (f *faults) fail(which func(wire.Call) bool) { f.fails.Store(&which) }

// lose loses the answers of the calls for which which returns true. It is asked after a
// call has taken effect.
func (f *faults) lose(which func(wire.Call) bool) { f.loses.Store(&which) }

// clear ends both faults.
func (f *faults) clear() {
	f.fails.Store(nil)
	f.loses.Store(nil)
}

func (f *faults) Before(_ context.Context, call wire.Call) error {
	if which := f.fails.Load(); which != nil && (*which)(call) {
		return errNoAnswer
	}
	return nil
}

func (f *faults) After(_ context.Context, call wire.Call, err error) error {
	if which := f.loses.Load(); err == nil && which != nil && (*which)(call) {
		return errNoAnswer
	}
	return nil
}

// nth returns a condition for the nth call, from 1, of those for which which returns true.
// reached reports whether there has been such a call.
func nth(n int32, which func(wire.Call) bool) (is func(wire.Call) bool, reached func() bool) {
	var count atomic.Int32
	return func(call wire.Call) bool { return which(call) && count.Add(1) == n },
		func() bool { return count.Load() >= n }
}

// eachLostAnswer calls round once for each write that a round makes: the answer to the
// first is lost in the first round, that to the second in the next, and so on. A round
// must make at least a few writes, and few enough that this comes to an end.
func eachLostAnswer(t *testing.T, network *faults, round func(n int32)) {
	t.Helper()
	const few, many = 8, 40
	for n := int32(1); n <= many; n++ {
		lost, reached := nth(n, writes)
		network.lose(lost)
		round(n)
		network.clear()
		if !reached() {
			require.Greater(t, n, int32(few), "writes of a round")
			return
		}
	}
}

// has returns a condition for the statements of some operations.
func has(ops ...store.Op) func(wire.Call) bool {
	return func(call wire.Call) bool { return slices.Contains(ops, store.OpOf(call.Text)) }
}

func isCommit(call wire.Call) bool { return call.Kind == wire.Commit }

// writes reports whether a call is a commit, or a statement with which an engine enqueues
// or claims jobs, or writes the record of a run.
func writes(call wire.Call) bool {
	return isCommit(call) || has(store.OpInsert, store.OpInsertNotify, store.OpClaim, store.OpFlush, store.OpFlushClaim)(call)
}

// takesEffect reports whether a call is one of writes that takes effect at once: a commit,
// or a statement outside of a transaction.
func takesEffect(call wire.Call) bool { return writes(call) && (isCommit(call) || call.Tx == 0) }
