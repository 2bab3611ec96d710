package engine_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// abandon cuts an engine off from its database while its job is in the middle of a step:
// from outside, it looks like a killed process.
func abandon(t *testing.T, text string, cfg engine.Config) (id uuid.UUID, release func()) {
	t.Helper()
	db := testdb.Open(t, text)
	begun, hold := make(chan struct{}), make(chan struct{})
	d := steps.Define[input]()
	steps.Add(d, "first", func(context.Context, *steps.Run[input]) (string, error) { return "kept", nil })
	steps.Do(d, "second", func(context.Context, *steps.Run[input]) error {
		close(begun)
		<-hold
		return nil
	})
	eng := newEngine(t, db, cfg, d)
	stop := start(t, eng)
	job := enqueue(t, eng, input{})
	receive(t, begun)
	require.NoError(t, db.Close())
	release = sync.OnceFunc(func() { close(hold); stop() })
	t.Cleanup(release)
	return job.ID, release
}

// resumable is the definition that abandon runs, in a process that lives.
func resumable(ran *[2]atomic.Int32) *steps.Definition[input] {
	d := steps.Define[input]()
	first := steps.Add(d, "first", func(context.Context, *steps.Run[input]) (string, error) { ran[0].Add(1); return "again", nil })
	steps.Add(d, "second", func(_ context.Context, run *steps.Run[input]) (string, error) {
		ran[1].Add(1)
		return first.Output(run), nil
	})
	return d
}

func TestAKilledEnginesJobFailsWithItsRecordAndIsResumed(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		id, _ := abandon(t, text, mortal())
		var ran [2]atomic.Int32
		eng := newEngine(t, testdb.Open(t, text), config(), resumable(&ran))
		require.ErrorIs(t, eng.Resume(t.Context(), id), engine.ErrStatus, "its lease has not expired")
		start(t, eng)
		s := ended(t, eng, id)
		require.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "interrupted")
		assert.Equal(t, model.StepCompleted, s.Steps[0].Status)
		assert.Equal(t, model.StepInterrupted, s.Steps[1].Status)
		recorded := s.Steps[0]

		require.NoError(t, eng.Resume(t.Context(), id))
		s = ended(t, eng, id)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, recorded, s.Steps[0])
		assert.JSONEq(t, `"kept"`, string(s.Result), "what was recorded before is what is read after")
		assert.Zero(t, ran[0].Load())
		assert.EqualValues(t, 1, ran[1].Load())
		assert.Equal(t, 2, s.Steps[1].Attempts)
	})
}

func TestResumeSettlesAJobWhoseLeaseHasExpiredWithoutAnyEngineRunning(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		id, _ := abandon(t, text, mortal())
		eng := newEngine(t, testdb.Open(t, text), config())
		s := until(t, eng, id, func(s *model.JobView) bool { return s.LeaseExpired })
		assert.Equal(t, model.Processing, s.Status)
		require.NoError(t, eng.Resume(t.Context(), id))
		s, err := eng.Status(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Equal(t, model.StepInterrupted, s.Steps[1].Status)
	})
}

func TestACancelRequestOnADeadEnginesJobCancelsIt(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		id, _ := abandon(t, text, mortal())
		eng := newEngine(t, testdb.Open(t, text), config(), three())
		require.NoError(t, eng.Cancel(t.Context(), id, "ann", ""))
		start(t, eng)
		s := ended(t, eng, id)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Equal(t, "ann", s.CancelledBy)
	})
}

func TestRecoveryNeverTouchesALiveEnginesJob(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		begun, causes := make(chan struct{}, 1), make(chan error, 1)
		alive := newEngine(t, testdb.Open(t, text), mortal(), blocking(begun, causes))
		start(t, alive)
		job := enqueue(t, alive, input{})
		receive(t, begun)
		// Other engines start and stop for longer than the lease.
		deadline := time.Now().Add(2 * mortal().Lease)
		db := testdb.Open(t, text)
		for time.Now().Before(deadline) {
			other := newEngine(t, db, config(), blocking(begun, causes))
			stop := start(t, other)
			until(t, other, job.ID, func(s *model.JobView) bool { return true })
			stop()
		}
		s, err := alive.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Processing, s.Status)
		assert.EqualValues(t, 1, s.Attempt)
		require.NoError(t, alive.Cancel(t.Context(), job.ID, "", ""))
		ended(t, alive, job.ID)
	})
}

// A run that was frozen beyond its lease continues: what it writes is rejected.
func TestALateWriteOfALostRunIsRejected(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		begun, hold, causes := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		d := steps.Define[input]()
		steps.Add(d, "first", func(ctx context.Context, run *steps.Run[input]) (string, error) {
			close(begun)
			<-hold
			causes <- run.Checkpoint(ctx, "late")
			return "late", nil
		})
		frozen := newEngine(t, db, config(), d)
		start(t, frozen)
		job := enqueue(t, frozen, input{})
		receive(t, begun)
		// It is settled as recovery does it; the frozen run does not know.
		other := newEngine(t, testdb.Open(t, text), config())
		_, err := db.NewRaw("UPDATE job_type_lock SET owner = 'elsewhere', locked_until = updated_at WHERE type = 'test:job'").Exec(t.Context())
		require.NoError(t, err)
		require.NoError(t, other.Resume(t.Context(), job.ID))
		close(hold)
		assert.ErrorIs(t, receive(t, causes), engine.ErrLeaseLost)
		s := until(t, other, job.ID, func(s *model.JobView) bool { return s.Status == model.Scheduled || s.Attempt > 1 })
		assert.Nil(t, s.Checkpoints)
		assert.NotContains(t, fmt.Sprint(s.Steps), "late")
	})
}

func TestAGracefulStopHandsTheJobOver(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		begun, causes := make(chan struct{}, 1), make(chan error, 1)
		first := newEngine(t, testdb.Open(t, text), config(), blocking(begun, causes))
		stop := start(t, first)
		job := enqueue(t, first, input{})
		receive(t, begun)
		stop()
		require.ErrorIs(t, receive(t, causes), engine.ErrShutdown)
		second := newEngine(t, testdb.Open(t, text), config(), blocking(begun, causes))
		s, err := second.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Empty(t, s.Error)
		assert.Equal(t, model.StepInterrupted, s.Steps[1].Status)
		assert.Zero(t, s.Steps[1].Attempts, "being handed over costs no attempt")
		assert.Empty(t, s.Owner)
		start(t, second)
		receive(t, begun)
		require.NoError(t, second.Cancel(t.Context(), job.ID, "", ""))
		s = ended(t, second, job.ID)
		assert.Equal(t, 1, s.Steps[0].Attempts)
		assert.Equal(t, 1, s.Steps[1].Attempts)
	})
}

// A step that continues within the grace period completes, and the job stops at the next
// boundary.
func TestAGracefulStopWaitsForTheBoundary(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, release := make(chan struct{}), make(chan struct{})
		d := steps.Define[input]()
		steps.Do(d, "finishes", func(ctx context.Context, run *steps.Run[input]) error {
			close(begun)
			<-release
			return ctx.Err()
		})
		steps.Do(d, "never", func(context.Context, *steps.Run[input]) error { t.Error("ran after the stop"); return nil })
		cfg := config()
		cfg.Grace = patience
		guard := newStopGuard()
		eng := newEngine(t, db, cfg, d, guard.definition())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- eng.Run(ctx) }()
		job := enqueue(t, eng, input{})
		receive(t, begun)
		guard.stop(t, eng, cancel)
		close(release)
		require.NoError(t, receive(t, done))
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepPending}, []model.StepStatus{s.Steps[0].Status, s.Steps[1].Status})
	})
}

// No living engine has the type: engines with other types settle its job, but later.
func TestAKilledEnginesJobIsFinallySettledByEnginesWithoutItsType(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		id, _ := abandon(t, text, mortal())
		db := testdb.Open(t, text)
		_, err := db.NewRaw("UPDATE job_type_lock SET locked_until = ? WHERE job_id IS NOT NULL", model.TimeOf(time.Now().Add(-time.Hour))).Exec(t.Context())
		require.NoError(t, err)
		eng := newEngine(t, db, config(), one("other", nothing))
		start(t, eng)
		s := ended(t, eng, id)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "interrupted")
	})
}

// A processing row without any lock, as another program may leave it.
func TestAProcessingRowThatNoLockCoversIsSettled(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		job := enqueue(t, eng, input{})
		_, err := db.NewRaw("UPDATE job_system_jobs SET status = 'processing', attempt = 3, heartbeat_at = ?, updated_at = ? WHERE id = ?",
			model.TimeOf(time.Now().Add(-time.Hour)), model.TimeOf(time.Now().Add(-time.Hour)), job.ID.String()).Exec(t.Context())
		require.NoError(t, err)
		start(t, eng)
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "interrupted")
	})
}

// Engines compete for jobs of a few types; the steps write the ledger, independently of the
// engine.
func TestManyEnginesRunEachJobOnceAndNeverTwoOfAType(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		const engines, types, perType = 3, 5, 12
		var mu sync.Mutex
		runs := make(map[string]int)
		var running [types]atomic.Int32
		definitions := func() (all []steps.Handler) {
			for k := range types {
				d := steps.Define[input](steps.Type(fmt.Sprint("type-", k)))
				for _, name := range []string{"a", "b"} {
					steps.Do(d, name, func(_ context.Context, run *steps.Run[input]) error {
						if n := running[k].Add(1); n != 1 {
							t.Errorf("%d jobs of type %d run at once", n, k)
						}
						defer running[k].Add(-1)
						mu.Lock()
						defer mu.Unlock()
						runs[run.IdempotencyKey()]++
						return nil
					})
				}
				all = append(all, d)
			}
			return all
		}
		var eng *engine.Engine
		for range engines {
			eng = newEngine(t, testdb.Open(t, text), config(), definitions()...)
			start(t, eng)
		}
		var ids []uuid.UUID
		for i := range types * perType {
			ids = append(ids, enqueue(t, eng, engine.RawInput{Type: fmt.Sprint("type-", i%types), Input: []byte(`{}`)}).ID)
		}
		intervals := make(map[string][]*model.JobView)
		for _, id := range ids {
			s := ended(t, eng, id)
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			intervals[s.Type] = append(intervals[s.Type], s)
		}
		mu.Lock()
		defer mu.Unlock()
		assert.Len(t, runs, 2*len(ids))
		for key, n := range runs {
			assert.Equal(t, 1, n, key)
		}
		for _, jobs := range intervals {
			for i, a := range jobs {
				for _, b := range jobs[i+1:] {
					overlap := a.StartedAt.Before(b.FinishedAt.Time) && b.StartedAt.Before(a.FinishedAt.Time)
					assert.False(t, overlap, "%s %v-%v overlaps %s %v-%v", a.ID, a.StartedAt, a.FinishedAt, b.ID, b.StartedAt, b.FinishedAt)
				}
			}
		}
	})
}

// The connections break while jobs run; nothing is lost or doubled, and the jobs end by
// themselves.
func TestStepsWaitForTheEndOfAnOutageAndLoseNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []testdb.Kind{testdb.Postgres, testdb.MariaDB} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := testdb.StartServer(t, kind)
			db := testdb.Open(t, server.EmptyDSN(t))
			require.NoError(t, migrations.Migrate(t.Context(), db))
			var ran atomic.Int32
			reached, back := make(chan struct{}), make(chan struct{})
			d := steps.Define[input]()
			steps.Do(d, "first", func(context.Context, *steps.Run[input]) error { ran.Add(1); return nil })
			steps.Do(d, "while away", func(context.Context, *steps.Run[input]) error {
				ran.Add(1)
				close(reached)
				<-back
				return nil
			})
			steps.Do(d, "last", func(context.Context, *steps.Run[input]) error { ran.Add(1); return nil })
			eng := newEngine(t, db, config(), d)
			start(t, eng)
			job := enqueue(t, eng, input{})
			receive(t, reached)
			require.NoError(t, server.Kill())
			close(back)
			require.NoError(t, server.Restart())
			s := ended(t, eng, job.ID)
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			assert.EqualValues(t, 3, ran.Load())
			for _, step := range s.Steps {
				assert.Equal(t, 1, step.Attempts)
			}
		})
	}
}
