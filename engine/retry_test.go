package engine_test

import (
	"context"
	"errors"
	"fmt"
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

// inPlace is config for engines that wait in place however long a delay is, and aside for
// engines that never do.
func inPlace() engine.Config { c := config(); c.RetryInPlace = 24 * time.Hour; return c }
func aside() engine.Config   { c := config(); c.RetryInPlace = -1; return c }

// flaky is a definition whose step fails that many times, and counts its calls.
func flaky(failures int32, ran *atomic.Int32, opts ...steps.Option) *steps.Definition[input] {
	d := steps.Define[input]()
	steps.Add(d, "flaky", func(_ context.Context, run *steps.Run[input]) (int, error) {
		if n := ran.Add(1); n <= failures && run.Input().Text != "succeed" {
			return 0, fmt.Errorf("boom %d", n)
		}
		return run.Attempt(), nil
	}, opts...)
	return d
}

func waiting(s *model.JobView) bool { return s.WaitsFor != "" }

// expire makes the engine of a job look dead to all others.
func expire(t *testing.T, db *bun.DB, id uuid.UUID) { expireBefore(t, db, id, 24*time.Hour) }

// expireBefore makes a job's lease one that expired so long ago. From four leases on,
// engines that do not have the job's type settle it too, and so does its own.
func expireBefore(t *testing.T, db *bun.DB, id uuid.UUID, ago time.Duration) {
	t.Helper()
	res, err := db.NewUpdate().Model((*model.TypeLock)(nil)).Set("locked_until = ?", model.TimeOf(time.Now().Add(-ago))).
		Where("job_id = ?", id.String()).Exec(t.Context())
	require.NoError(t, err)
	n, err := res.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

func record(t *testing.T, eng *engine.Engine, id uuid.UUID, step int) model.StepRecord {
	t.Helper()
	row, err := eng.Job(t.Context(), id)
	require.NoError(t, err)
	data, err := model.ParseData(row.Data)
	require.NoError(t, err)
	return data.Steps[step]
}

func TestAFailedStepIsRetriedInPlaceOrLater(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]engine.Config{"in place": inPlace(), "later": aside()} {
		t.Run(name, func(t *testing.T) {
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				var ran atomic.Int32
				const delay = 50 * time.Millisecond // one that is over before the wait begins needs no other run
				eng := newEngine(t, db, cfg, flaky(2, &ran, steps.Retry(3, delay)))
				start(t, eng)
				job := enqueue(t, eng, input{})
				s := ended(t, eng, job.ID)
				require.Equal(t, model.Succeeded, s.Status, s.Error)
				assert.JSONEq(t, `3`, string(s.Result), "the number of the attempt")
				assert.Equal(t, 3, s.Steps[0].Attempts)
				assert.Empty(t, s.Steps[0].Error)
				assert.Zero(t, s.Steps[0].WaitUntil)
				assert.Equal(t, map[string]int64{"in place": 1, "later": 3}[name], s.Attempt, "runs of the job")
				assert.Zero(t, record(t, eng, job.ID, 0).Failures)
			})
		})
	}
}

func TestAStepFailsAfterItsLastAttemptAndAResumeResetsThem(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		eng := newEngine(t, db, config(), flaky(100, &ran, steps.Retry(2, time.Millisecond)))
		start(t, eng)
		job := enqueue(t, eng, input{})
		for round := 1; round <= 2; round++ {
			s := ended(t, eng, job.ID)
			assert.Equal(t, model.Failed, s.Status)
			assert.Equal(t, fmt.Sprintf(`step "flaky": boom %d`, 2*round), s.Error)
			assert.Equal(t, 2*round, s.Steps[0].Attempts)
			assert.EqualValues(t, 2*round, ran.Load())
			if round == 1 {
				require.NoError(t, eng.Resume(t.Context(), job.ID))
			}
		}
	})
}

func TestErrorsThatAreNotRetriedFailTheJobAtOnce(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		d := steps.Define[input]()
		steps.Do(d, "pay", func(_ context.Context, run *steps.Run[input]) error {
			ran.Add(1)
			if run.Input().Text == "permanent" {
				return fmt.Errorf("pay: %w", steps.Permanent(errBoom))
			}
			return errors.New("unknown")
		}, steps.Retry(5, time.Millisecond, steps.RetryIf(func(err error) bool { return errors.Is(err, errBoom) })))
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		for text, want := range map[string]string{"permanent": `step "pay": pay: boom`, "unknown": `step "pay": unknown`} {
			ran.Store(0)
			s := ended(t, eng, enqueue(t, eng, input{Text: text}).ID)
			assert.Equal(t, want, s.Error)
			assert.EqualValues(t, 1, ran.Load())
		}
	})
}

func TestALongDelayFreesTheTypeForOthers(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		eng := newEngine(t, db, config(), flaky(100, &ran, steps.Retry(3, time.Hour)))
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := until(t, eng, job.ID, waiting)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Equal(t, `the next attempt of step "flaky"`, s.WaitsFor)
		assert.Equal(t, s.ScheduledAt, s.WaitsUntil)
		assert.Equal(t, s.ScheduledAt, s.Steps[0].WaitUntil)
		assert.Equal(t, model.StepWaiting, s.Steps[0].Status)
		assert.Equal(t, "boom 1", s.Steps[0].Error)
		delay := s.ScheduledAt.Sub(s.Steps[0].FinishedAt.Time)
		assert.InDelta(t, time.Hour, delay, float64(13*time.Minute), "%v by the database's clock", delay)
		assert.Empty(t, s.Owner)

		other := ended(t, eng, enqueue(t, eng, input{Text: "succeed"}).ID)
		assert.Equal(t, model.Succeeded, other.Status)

		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", ""))
		assert.Equal(t, model.Cancelled, ended(t, eng, job.ID).Status)
		require.NoError(t, eng.Resume(t.Context(), job.ID), "by a person, who does not wait")
		s = until(t, eng, job.ID, waiting)
		assert.Equal(t, 2, s.Steps[0].Attempts)
		assert.Equal(t, 1, record(t, eng, job.ID, 0).Failures)
	})
}

// A run that is claimed before the time, as after a crash, waits for the rest of it.
func TestAnEarlyRunWaitsForTheRestOfTheDelay(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		eng := newEngine(t, db, config(), flaky(1, &ran, steps.Retry(3, time.Hour)))
		start(t, eng)
		job := enqueue(t, eng, input{})
		due := until(t, eng, job.ID, waiting).ScheduledAt
		_, err := db.NewRaw("UPDATE job_system_jobs SET scheduled_at = created_at WHERE id = ?", job.ID.String()).Exec(t.Context())
		require.NoError(t, err)
		s := until(t, eng, job.ID, func(s *model.JobView) bool { return s.Attempt == 2 && s.Status == model.Scheduled })
		assert.Equal(t, due, s.ScheduledAt)
		assert.Equal(t, 1, s.Steps[0].Attempts)
		assert.EqualValues(t, 1, ran.Load())
	})
}

func TestACancelDuringADelayInPlaceCancelsTheJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		eng := newEngine(t, db, inPlace(), flaky(100, &ran, steps.Retry(3, time.Hour)))
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := until(t, eng, job.ID, waiting)
		assert.Equal(t, model.Processing, s.Status, "and people see what it waits for")
		assert.Equal(t, `the next attempt of step "flaky"`, s.WaitsFor)
		assert.Equal(t, s.WaitsUntil, s.Steps[0].WaitUntil)
		assert.False(t, s.WaitsUntil.IsZero())
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", ""))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Equal(t, model.StepCancelled, s.Steps[0].Status)
		assert.Equal(t, "boom 1", s.Steps[0].Error)
		assert.Zero(t, s.Steps[0].WaitUntil)
		assert.Equal(t, 1, s.Steps[0].Attempts)
		assert.EqualValues(t, 1, ran.Load())
	})
}

func TestAStopDuringADelayInPlaceHandsTheJobOverWithTheRestOfIt(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		cfg := inPlace()
		cfg.Grace = patience // it does not wait for the end of the grace period
		eng := newEngine(t, db, cfg, flaky(1, &ran, steps.Retry(2, time.Hour)))
		stop := start(t, eng)
		job := enqueue(t, eng, input{})
		due := until(t, eng, job.ID, waiting).WaitsUntil
		stop()
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Equal(t, due, s.ScheduledAt)
		assert.Equal(t, due, s.WaitsUntil)
		assert.Equal(t, 1, s.Steps[0].Attempts)
		assert.Equal(t, 1, record(t, eng, job.ID, 0).Failures)

		// In another engine, when it is due.
		row, err := eng.Job(t.Context(), job.ID)
		require.NoError(t, err)
		data, err := model.ParseData(row.Data)
		require.NoError(t, err)
		data.Steps[0].WaitUntil = row.CreatedAt
		raw, err := data.JSON()
		require.NoError(t, err)
		_, err = db.NewRaw("UPDATE job_system_jobs SET scheduled_at = created_at, data = ? WHERE id = ?", string(raw), job.ID.String()).Exec(t.Context())
		require.NoError(t, err)
		second := newEngine(t, db, config(), flaky(1, &ran, steps.Retry(2, time.Hour)))
		start(t, second)
		s = ended(t, second, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, 2, s.Steps[0].Attempts)
	})
}

func TestACrashDuringADelayForgetsNeitherTheFailuresNorTheDelay(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		d := steps.Define[input](steps.ResumeOnCrash(1))
		steps.Do(d, "flaky", func(context.Context, *steps.Run[input]) error { ran.Add(1); return errBoom }, steps.Retry(2, time.Hour))
		victim := newEngine(t, db, inPlace(), d)
		start(t, victim)
		job := enqueue(t, victim, input{})
		due := until(t, victim, job.ID, waiting).WaitsUntil
		expire(t, db, job.ID)
		other := newEngine(t, db, config(), d)
		start(t, other)
		s := until(t, other, job.ID, func(s *model.JobView) bool { return s.Attempt == 2 && s.Status == model.Scheduled })
		assert.Equal(t, due, s.ScheduledAt)
		assert.Equal(t, 1, s.Crashes)
		assert.Equal(t, 1, record(t, other, job.ID, 0).Failures)
		assert.EqualValues(t, 1, ran.Load())
	})
}

func TestAStepWhoseProcessDiedDuringADelayHasFailed(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		steps.Do(d, "flaky", func(context.Context, *steps.Run[input]) error { return errBoom }, steps.Retry(2, time.Hour))
		victim := newEngine(t, db, inPlace(), d)
		start(t, victim)
		job := enqueue(t, victim, input{})
		until(t, victim, job.ID, waiting)
		expire(t, db, job.ID)
		other := newEngine(t, db, config(), d)
		start(t, other)
		s := ended(t, other, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, model.StepFailed, s.Steps[0].Status, "it was not cancelled")
		assert.Equal(t, "boom", s.Steps[0].Error, "it was not cancelled")
	})
}

// A declared failure ends the retries, and so does a declared success: but the step's own
// failure counts more.
func TestADecisionFromOutsideEndsTheRetries(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		d := steps.Define[input]()
		steps.Do(d, "asks", func(ctx context.Context, run *steps.Run[input]) error {
			decide := func() error { return eng.Fail(ctx, run.Job().ID, "hopeless", nil) }
			if run.Input().Text == "succeed" {
				decide = func() error { return eng.Succeed(ctx, run.Job().ID, "fine") }
			}
			return errors.Join(errBoom, decide())
		}, steps.Retry(5, time.Hour))
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, "hopeless", s.Error)
		assert.Equal(t, 1, s.Steps[0].Attempts)
		s = ended(t, eng, enqueue(t, eng, input{Text: "succeed"}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "asks": boom`, s.Error)
		assert.Equal(t, 1, s.Steps[0].Attempts)
	})
}

func TestAResultOfAFailedAttemptIsNotTheJobs(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		steps.Add(d, "step", func(_ context.Context, run *steps.Run[input]) (string, error) {
			if run.Attempt() == 1 {
				return "", errors.Join(errBoom, run.SetResult("half"))
			}
			return "whole", nil
		}, steps.Retry(2, time.Millisecond))
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		assert.JSONEq(t, `"whole"`, string(ended(t, eng, enqueue(t, eng, input{}).ID).Result))
	})
}

// The other members of the group continue; then the job waits without its type.
func TestAMemberOfAGroupWithALongDelayLetsTheOthersEnd(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		d := steps.Define[input]()
		group := steps.Parallel(d, "both")
		failed := make(chan struct{}, 1)
		steps.Do(group, "flaky", func(context.Context, *steps.Run[input]) error {
			ran.Add(1)
			failed <- struct{}{}
			return errBoom
		}, steps.Retry(2, time.Hour))
		steps.Do(group, "other", func(ctx context.Context, _ *steps.Run[input]) error {
			<-failed
			return context.Cause(ctx)
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := until(t, eng, enqueue(t, eng, input{}).ID, func(s *model.JobView) bool { return waiting(s) && s.Status == model.Scheduled })
		assert.Equal(t, []model.StepStatus{model.StepWaiting, model.StepCompleted}, []model.StepStatus{s.Steps[0].Status, s.Steps[1].Status})
		assert.Equal(t, s.ScheduledAt, s.Steps[0].WaitUntil)
		assert.EqualValues(t, 1, ran.Load())
	})
}
