package engine_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// writesOfJobs are the operations with which an engine writes to the jobs that it runs or
// is about to run.
var writesOfJobs = has(store.OpClaim, store.OpFlush, store.OpFlushClaim, store.OpTouch, store.OpRecordedWait, store.OpSettle, store.OpSettleOrphanLock)

// An outage lasts longer than a lease, and ends just after a run has failed for the last
// time to write its record: that other writes succeed then does not mean that the database
// rejects this one.
func TestADatabaseThatRecoversRejectsNothing(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		cfg := mortal()
		var network faults
		db := openHooked(t, text, &network)
		d := steps.Define[input](steps.ResumeOnCrash(100))
		var outage sync.Once
		steps.Do(d, "first", func(context.Context, *steps.Run[input]) error {
			outage.Do(func() {
				since := time.Now()
				network.fail(func(call wire.Call) bool {
					if has(store.OpFlush, store.OpFlushClaim)(call) && time.Since(since) > cfg.Lease+time.Second {
						network.clear()
					}
					return writesOfJobs(call)
				})
			})
			return nil
		})
		steps.Do(d, "last", func(context.Context, *steps.Run[input]) error { return nil })
		eng := newEngine(t, db, cfg, d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
	})
}

// A step in a transaction waits until one can begin, as other steps wait for their
// records.
func TestAStepInATransactionWaitsForTheEndOfAnOutage(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var network faults
		var left atomic.Int32
		network.fail(func(call wire.Call) bool { return call.Kind == wire.Begin && left.Add(-1) >= 0 })
		db := openHooked(t, text, &network)
		d := steps.Define[input]()
		steps.Do(d, "first", func(context.Context, *steps.Run[input]) error { left.Store(5); return nil })
		steps.InTx(d, "second", func(context.Context, steps.Tx, *steps.Run[input]) (int, error) { return 2, nil })
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, 1, s.Steps[1].Attempts)
		assert.Negative(t, left.Load(), "transactions were begun until the outage had ended")
	})
}

// A connection stays open, but the answer to a commit does not come: the engine gives it up
// after a lease, and continues on other connections. The type whose rows the transaction
// has locked waits for its end. PostgreSQL's driver gives up by itself, and SQLite has no
// other connection.
func TestAnEngineContinuesWithoutAnAnswerToACommit(t *testing.T) {
	t.Parallel()
	silent, answer := make(chan struct{}), make(chan struct{})
	var silence atomic.Bool
	db := openSpied(t, testdb.DSN(t, testdb.MariaDB), func(call wire.Call) {
		if isCommit(call) && silence.CompareAndSwap(true, false) {
			close(silent)
			<-answer
		}
	})
	cfg := mortal()
	one := steps.Define[input](steps.Type("test:one"), steps.ResumeOnCrash(100))
	steps.Do(one, "only", func(context.Context, *steps.Run[input]) error { silence.Store(true); return nil })
	other := steps.Define[input](steps.Type("test:other"))
	steps.Do(other, "long", func(ctx context.Context, _ *steps.Run[input]) error {
		select {
		case <-ctx.Done(): // its lease is not renewed
			return context.Cause(ctx)
		case <-time.After(2 * cfg.Lease):
			return nil
		}
	})
	eng := newEngine(t, db, cfg, one, other)
	start(t, eng)
	first := enqueue(t, eng, engine.RawInput{Type: "test:one", Input: []byte("{}")})
	receive(t, silent)
	s := ended(t, eng, enqueue(t, eng, engine.RawInput{Type: "test:other", Input: []byte("{}")}).ID)
	assert.Equal(t, model.Succeeded, s.Status, s.Error)
	close(answer)
	s = ended(t, eng, first.ID)
	assert.Equal(t, model.Succeeded, s.Status, s.Error)
}
