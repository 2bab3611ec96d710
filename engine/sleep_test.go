package engine_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestASleepingJobContinuesWhenItIsDue(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		steps.Do(d, "before", nothing)
		steps.Sleep(d, "sleep", 2*time.Second) // long enough to be seen
		steps.Sleep(d, "not at all", 0)
		steps.SleepUntil(d, "past", func(*steps.Run[input]) time.Time { return time.Now().Add(-time.Hour) })
		steps.SleepUntil(d, "no time", func(*steps.Run[input]) time.Time { return time.Time{} })
		steps.Do(d, "after", nothing)
		eng := newEngine(t, db, unasked(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := waits(t, eng, job.ID)
		assert.Equal(t, `step "sleep" to end`, s.WaitsFor)
		assert.Equal(t, s.ScheduledAt, s.WaitsUntil)
		until := s.WaitsUntil
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.False(t, s.Steps[5].StartedAt.Before(until.Time))
		assert.EqualValues(t, 2, s.Attempt)
		for _, step := range s.Steps {
			assert.Equal(t, 1, step.Attempts, step.Name)
		}
	})
}

func TestACancelAndAResumeKeepTheTimeOfASleep(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		asked := 0
		d := steps.Define[input]()
		steps.SleepUntil(d, "sleep", func(run *steps.Run[input]) time.Time {
			if asked++; run.Input().N > 0 {
				return time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)
			}
			return run.Job().CreatedAt.Add(time.Hour)
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := waits(t, eng, job.ID)
		assert.Equal(t, job.CreatedAt.Add(time.Hour), s.WaitsUntil.Time)
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "", ""))
		assert.Equal(t, model.StepCancelled, ended(t, eng, job.ID).Steps[0].Status)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		again := until(t, eng, job.ID, func(s *model.JobView) bool { return s.Status == model.Scheduled && s.Attempt == 2 })
		assert.Equal(t, s.WaitsUntil, again.WaitsUntil)
		assert.Equal(t, 1, asked)

		s = waits(t, eng, enqueue(t, eng, input{N: 1}).ID)
		assert.Equal(t, model.MaxTime(), s.WaitsUntil, "later than any database can store")
		assert.True(t, s.ScheduledAt.IsZero())
		_, err := json.Marshal(s)
		assert.NoError(t, err)
	})
}

func TestASleepThatPanicsFailsItsJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		steps.SleepUntil(d, "sleep", func(*steps.Run[input]) time.Time { panic("no calendar") })
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "no calendar")
		assert.Equal(t, model.StepFailed, s.Steps[0].Status)
	})
}
