package faults_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// A worker is frozen in the middle of its runs, for longer than its lease, until the other
// one has taken over; then it continues, and its late writes are rejected.
func TestAWorkerIsFrozenForLongerThanItsLease(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		s := newScene(t, text)
		s.work(2)
		for i := range *times {
			s.fault(func() {
				w := s.workers[i%2]
				s.keepBusy(w)
				require.NoError(t, w.Freeze())
				s.awaitTakeover(w)
				require.NoError(t, w.Thaw())
			})
		}
		s.end("worker frozen until its lease was over")
		assert.Positive(t, s.takeovers, "no worker was frozen in the middle of a run")
	})
}

// A worker is frozen in the middle of a step's transaction, for longer than its lease. The
// step has not failed; on SQLite no other process can write meanwhile, so that none takes
// over.
func TestAWorkerIsFrozenInTheMiddleOfATransaction(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		s := newScene(t, text)
		s.settings.Pace = 400 * time.Millisecond // so that it is found in the middle
		s.work(2)
		for range *times {
			s.fault(func() {
				for !s.freezeInTransaction() {
				}
			})
		}
		s.end("worker frozen in a step's transaction until its lease was over")
	})
}

// freezeInTransaction freezes a worker during a step's transaction, for longer than its
// lease, and reports whether it was in it all the time.
func (s *scene) freezeInTransaction() bool {
	s.t.Helper()
	s.crowd.ask(proof.InTx.Type(0))
	var w *proof.Worker
	until(s.t, func() bool {
		i := slices.IndexFunc(s.workers, s.inTransaction)
		if i >= 0 {
			w = s.workers[i]
		}
		return i >= 0
	}, func() string { return "no worker is in a transaction" })
	require.NoError(s.t, w.Freeze())
	last(s.t, lease*3/2)
	in := s.inTransaction(w)
	require.NoError(s.t, w.Thaw())
	return in
}

// inTransaction reports whether a worker is in the transaction of a step of the kind
// InTx.
func (s *scene) inTransaction(w *proof.Worker) (in bool) {
	s.t.Helper()
	for _, e := range s.ledger() {
		if e.Worker == w.Name && e.Step == "effect" && e.Type == proof.InTx.Type(0) {
			in = e.What == proof.StepBegan
		}
	}
	return in
}
