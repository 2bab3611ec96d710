package faults_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil"
)

// A worker stands still in the middle of its runs, for longer than its lease,
// until the other has taken over; then it goes on, and its late writes are
// refused.
func TestAWorkerIsFrozenForLongerThanItsLease(t *testing.T) {
	t.Parallel()
	testutil.EachDSN(t, func(t *testing.T, text string) {
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
