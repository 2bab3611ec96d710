package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestTheJobsAheadAreThoseThatAreClaimedBefore(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		steps.Do(d, "work", nothing)
		eng := newEngine(t, db, engine.Config{Logger: quiet()}, d)
		ahead := func(j *model.Job) int {
			t.Helper()
			s, err := eng.Status(t.Context(), j.ID)
			require.NoError(t, err)
			assert.True(t, s.ExpectedStart.IsZero(), "nothing is known of the type")
			return s.Ahead
		}
		first := enqueue(t, eng, input{})
		second := enqueue(t, eng, input{})
		low := enqueue(t, eng, input{}, engine.Priority(-1))
		high := enqueue(t, eng, input{}, engine.Priority(2))
		immediate := enqueue(t, eng, input{}, engine.Immediately())
		later := enqueue(t, eng, input{}, engine.At(time.Now().Add(90*time.Minute)))
		for want, j := range []*model.Job{immediate, high, first, second, low, later} {
			assert.Equal(t, want, ahead(j))
		}
	})
}

func TestAQueuedJobShowsWhenItIsExpectedToStartAndToEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var eng *engine.Engine
		d := steps.Define[input]()
		var waiting []*model.Job
		expects := func(j *model.Job, start, finish time.Duration) {
			t.Helper()
			s, err := eng.Status(t.Context(), j.ID)
			require.NoError(t, err)
			require.False(t, s.ExpectedStart.IsZero())
			now := s.CreatedAt.Time // of all jobs the same, and two seconds ago
			assert.InDelta(t, start.Seconds(), s.ExpectedStart.Sub(now).Seconds()-2, 3)
			assert.InDelta(t, finish.Seconds(), s.ExpectedFinish.Sub(now).Seconds()-2, 5)
		}
		steps.Do(d, "work", func(_ context.Context, run *steps.Run[input]) error {
			if len(waiting) > 0 {
				time.Sleep(2 * time.Second)
				expects(waiting[0], 18*time.Second, 38*time.Second)
				expects(waiting[1], 38*time.Second, 138*time.Second) // it is five times as large
				waiting = nil
				time.Sleep(18 * time.Second)
				return nil
			}
			time.Sleep(time.Duration(run.Input().N) * time.Second)
			return nil
		}, steps.Size(func(in input) float64 { return float64(in.N) }))
		eng = newEngine(t, testutil.NewHarness(t, d).DB(), engine.Config{Logger: quiet()}, d)
		start(t, eng)
		for range 3 {
			require.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, input{N: 20}).ID).Status)
		}
		jobs, err := eng.EnqueueMany(t.Context(), []engine.NewJob{{Input: input{N: 20}}, {Input: input{N: 20}}, {Input: input{N: 100}}})
		require.NoError(t, err)
		waiting = jobs[1:]
		require.Equal(t, model.Succeeded, ended(t, eng, jobs[0].ID).Status)
		require.NoError(t, eng.Cancel(t.Context(), jobs[2].ID, "", ""))
	})
}
