package engine_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestAStepThatTakesTooLongFailsWithItsTimeout(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		causes := make(chan error, 1)
		d := steps.Define[input]()
		steps.Do(d, "slow", func(ctx context.Context, run *steps.Run[input]) error {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			if run.Input().Text == "done" {
				return nil
			}
			return ctx.Err()
		}, steps.Timeout(10*time.Millisecond))
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "slow": timed out after 10ms`, s.Error)
		assert.Equal(t, model.StepFailed, s.Steps[0].Status)
		assert.Equal(t, "timed out after 10ms", s.Steps[0].Error)
		assert.ErrorIs(t, receive(t, causes), steps.ErrTimeout)
		s = ended(t, eng, enqueue(t, eng, input{Text: "done"}).ID)
		assert.Equal(t, model.Succeeded, s.Status, "it has completed all the same")
	})
}

func TestATimeoutIsRetriedIfTheRetryConditionAllows(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		onTimeout := steps.RetryIf(func(err error) bool { return errors.Is(err, steps.ErrTimeout) })
		steps.Add(d, "slow", func(ctx context.Context, run *steps.Run[input]) (int, error) {
			if run.Attempt() < 3 {
				<-ctx.Done()
				err := ctx.Err()
				if run.Input().Text == "permanent" {
					err = steps.Permanent(err)
				}
				return 0, err
			}
			return run.Attempt(), nil
		}, steps.Timeout(time.Second/4), steps.Retry(3, time.Millisecond, onTimeout))
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `3`, string(s.Result))
		s = ended(t, eng, enqueue(t, eng, input{Text: "permanent"}).ID)
		assert.Equal(t, 1, s.Steps[0].Attempts)
	})
}

func TestAPanicAfterTheTimeoutKeepsItsStack(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		steps.Do(d, "slow", func(ctx context.Context, _ *steps.Run[input]) error {
			<-ctx.Done()
			panic("out of order")
		}, steps.Timeout(time.Millisecond))
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, `step "slow": panic: out of order`, s.Error)
		assert.Contains(t, s.Steps[0].Stack, "timeout_test.go")
	})
}

// outOfTime is a definition with a limited time, whose second step waits for the end of its
// context or fails.
func outOfTime(limit time.Duration, ran *atomic.Int32) *steps.Definition[input] {
	d := steps.Define[input](steps.JobTimeout(limit))
	steps.Do(d, "first", func(context.Context, *steps.Run[input]) error { return nil })
	steps.Do(d, "second", func(ctx context.Context, run *steps.Run[input]) error {
		ran.Add(1)
		if run.Input().Text == "fail" {
			return errBoom
		}
		<-ctx.Done()
		return ctx.Err()
	}, steps.Retry(3, time.Hour, steps.RetryIf(func(err error) bool { return !errors.Is(err, errBoom) })))
	return d
}

func TestAJobWhoseTimeIsUpFailsAndIsNotRetried(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		eng := newEngine(t, db, config(), outOfTime(3*time.Second, &ran))
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "second": the job timed out after 3s of work, all its runs together`, s.Error)
		assert.EqualValues(t, 1, ran.Load())

		resumeWithoutTime(t, eng, newEngine(t, db, unasked()), job.ID)
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `the job timed out after 3s of work, all its runs together`, s.Error)
		assert.EqualValues(t, 1, ran.Load(), "its time is up before anything runs")
	})
}

// resumeWithoutTime resumes a job whose time is up, which an engine that knows its
// definition rejects.
func resumeWithoutTime(t *testing.T, knows, stranger *engine.Engine, id uuid.UUID) {
	t.Helper()
	for _, try := range []func() error{
		func() error { return knows.Resume(t.Context(), id) },
		func() error { _, err := knows.DryRun(t.Context(), id); return err },
	} {
		err := try()
		require.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, "its time is up: all its runs together have worked for ")
	}
	require.NoError(t, stranger.Resume(t.Context(), id))
	knows.Wake()
}

func TestTheTimeOfEarlierRunsCounts(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		eng := newEngine(t, db, config(), outOfTime(time.Hour, &ran))
		start(t, eng)
		job := enqueue(t, eng, input{Text: "fail"})
		ended(t, eng, job.ID)
		worked := func() int64 {
			row, err := eng.Job(t.Context(), job.ID)
			require.NoError(t, err)
			data, err := model.ParseData(row.Data)
			require.NoError(t, err)
			// As if it had worked for an hour.
			once := data.Plan.WorkedMS
			data.Plan.WorkedMS = time.Hour.Milliseconds()
			raw, err := data.JSON()
			require.NoError(t, err)
			_, err = db.NewRaw("UPDATE job_system_jobs SET data = ? WHERE id = ?", string(raw), job.ID.String()).Exec(t.Context())
			require.NoError(t, err)
			return once
		}
		assert.Less(t, worked(), time.Minute.Milliseconds())
		resumeWithoutTime(t, eng, newEngine(t, db, unasked()), job.ID)
		assert.Contains(t, ended(t, eng, job.ID).Error, "the job timed out after 1h0m0s of work")
		assert.GreaterOrEqual(t, worked(), time.Hour.Milliseconds())
		require.NoError(t, eng.Restart(t.Context(), job.ID))
		assert.Contains(t, ended(t, eng, job.ID).Error, "boom", "a restart resets the time")
	})
}

// The delay in place alone is longer than the job may work.
func TestWaitsDoNotCountAsTimeOfTheJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		d := steps.Define[input](steps.JobTimeout(3 * time.Second))
		steps.Sleep(d, "rest", 50*time.Millisecond)
		steps.Do(d, "flaky", func(context.Context, *steps.Run[input]) error {
			if ran.Add(1) <= 1 {
				return errBoom
			}
			return nil
		}, steps.Retry(2, 4*time.Second))
		eng := newEngine(t, db, inPlace(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
	})
}

func TestARunWhoseProcessDiedCountsUpToItsLastHeartbeat(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, causes := make(chan struct{}, 1), make(chan error, 1)
		eng := newEngine(t, db, config(), blocking(begun, causes))
		start(t, eng)
		job := enqueue(t, eng, input{})
		receive(t, begun)
		row := until(t, eng, job.ID, func(s *model.JobView) bool { return s.CurrentStep == "blocks" })
		at := model.TimeOf(row.StartedAt.Add(10 * time.Minute))
		_, err := db.NewRaw("UPDATE job_system_jobs SET heartbeat_at = ? WHERE id = ?", at, job.ID.String()).Exec(t.Context())
		require.NoError(t, err)
		expire(t, db, job.ID)
		require.NoError(t, newEngine(t, db, config()).Resume(t.Context(), job.ID))
		settled, err := eng.Job(t.Context(), job.ID)
		require.NoError(t, err)
		data, err := model.ParseData(settled.Data)
		require.NoError(t, err)
		assert.Equal(t, (10 * time.Minute).Milliseconds(), data.Plan.WorkedMS)
		assert.InDelta(t, (10 * time.Minute).Milliseconds(), data.Steps[1].DurationMS, float64(patience.Milliseconds()))
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "", ""))
	})
}

// The undo of a step took ten minutes when its process died, and the job may work for five:
// undoing is no work, so its steps can run again.
func TestUndoingDoesNotCountAsWorkAfterACrash(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var healthy atomic.Bool
		begun, hold := make(chan struct{}), make(chan struct{})
		d := steps.Define[input](steps.JobTimeout(5 * time.Minute))
		steps.Add(d, "reserve", func(context.Context, *steps.Run[input]) (int, error) { return 1, nil },
			steps.Undo(func(context.Context, *steps.Run[input], int) error {
				close(begun)
				<-hold
				return nil
			}))
		steps.Do(d, "breaks", func(context.Context, *steps.Run[input]) error {
			if healthy.Load() {
				return nil
			}
			return errBoom
		})
		victim, eng := newEngine(t, db, config(), d), newEngine(t, db, config(), d)
		start(t, victim)
		release := sync.OnceFunc(func() { close(hold) })
		t.Cleanup(release) // before the victim is stopped
		id := enqueue(t, victim, input{}).ID
		receive(t, begun)
		row := until(t, eng, id, func(s *model.JobView) bool { return s.Undoing })
		heartbeat := model.TimeOf(row.StartedAt.Add(10 * time.Minute))
		_, err := db.NewRaw("UPDATE job_system_jobs SET heartbeat_at = ? WHERE id = ?", heartbeat, id.String()).Exec(t.Context())
		require.NoError(t, err)
		expire(t, db, id)
		start(t, eng)
		s := ended(t, eng, id)
		release()
		require.Contains(t, s.Error, "it has steps to undo")
		job, err := eng.Job(t.Context(), id)
		require.NoError(t, err)
		data, err := model.ParseData(job.Data)
		require.NoError(t, err)
		assert.Less(t, data.Plan.WorkedMS, patience.Milliseconds())

		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), id, engine.RerunFrom("reserve")))
		s = ended(t, eng, id)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
	})
}
