package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// blocking is a definition whose middle step waits for the end of its context, and sends
// the cause of that end.
func blocking(begun chan<- struct{}, causes chan<- error) *steps.Definition[input] {
	d := steps.Define[input]()
	steps.Do(d, "before", func(context.Context, *steps.Run[input]) error { return nil })
	steps.Do(d, "blocks", func(ctx context.Context, run *steps.Run[input]) error {
		if run.Input().Text == "returns" {
			return nil
		}
		begun <- struct{}{}
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return ctx.Err()
	})
	steps.Do(d, "after", func(context.Context, *steps.Run[input]) error { return nil })
	return d
}

func TestCancellingAScheduledJobEndsItAtOnce(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		job := enqueue(t, eng, input{})
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", "not needed"))
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Equal(t, "ann", s.CancelledBy)
		assert.Equal(t, "not needed", s.CancelReason)
		assert.False(t, s.FinishedAt.IsZero())
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "bob", "twice"))
		s, err = eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, "ann", s.CancelledBy, "the first request stands")
		start(t, eng)
		ended(t, eng, enqueue(t, eng, input{}).ID)
		s, err = eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Cancelled, s.Status, "it is never run")
		assert.Zero(t, s.Attempt)
	})
}

func TestCancellingARunningStepEndsItsContextAndThenTheJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, causes, release := make(chan struct{}), make(chan error, 1), make(chan struct{})
		d := steps.Define[input]()
		steps.Add(d, "done", func(context.Context, *steps.Run[input]) (int, error) { return 42, nil })
		steps.Do(d, "blocks", func(ctx context.Context, run *steps.Run[input]) error {
			if run.Job().Resumptions > 0 {
				return nil
			}
			close(begun)
			<-ctx.Done()
			assert.True(t, run.Cancelled())
			causes <- context.Cause(ctx)
			<-release
			return ctx.Err()
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		receive(t, begun)
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", "wrong month"))
		require.ErrorIs(t, receive(t, causes), engine.ErrCancelled)
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Processing, s.Status, "terminal only after the handler has returned")
		assert.True(t, s.CancelRequested)
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "bob", ""), "twice")
		close(release)
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Equal(t, "ann", s.CancelledBy)
		assert.Equal(t, "wrong month", s.CancelReason)
		assert.Empty(t, s.Error)
		assert.Equal(t, model.StepCancelled, s.Steps[1].Status)
		assert.Empty(t, s.Owner)

		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Empty(t, s.CancelledBy)
		assert.Equal(t, 1, s.Steps[0].Attempts)
		require.ErrorIs(t, eng.Cancel(t.Context(), job.ID, "", ""), engine.ErrStatus, "after the end")
	})
}

// The other engine stands for another process: it shares only the database.
func TestCancelFromAnotherProcessReachesTheStep(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		begun, causes := make(chan struct{}, 1), make(chan error, 1)
		eng := newEngine(t, testdb.Open(t, text), config(), blocking(begun, causes))
		start(t, eng)
		job := enqueue(t, eng, input{})
		receive(t, begun)
		other := newEngine(t, testdb.Open(t, text), config())
		require.NoError(t, other.Cancel(t.Context(), job.ID, "ops", ""))
		require.ErrorIs(t, receive(t, causes), engine.ErrCancelled)
		assert.Equal(t, model.Cancelled, ended(t, other, job.ID).Status)
	})
}

// On SQLite the request waits for the end of the transaction.
func TestCancelFromAnotherProcessReachesAStepInATransaction(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		if db.Dialect().Name() == dialect.SQLite {
			return
		}
		begun, causes := make(chan struct{}, 1), make(chan error, 1)
		d := steps.Define[input]()
		steps.InTx(d, "books", func(ctx context.Context, _ steps.Tx, _ *steps.Run[input]) (int, error) {
			begun <- struct{}{}
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return 0, ctx.Err()
		})
		start(t, newEngine(t, db, config(), d))
		other := newEngine(t, testdb.Open(t, text), config())
		job := enqueue(t, other, input{})
		receive(t, begun)
		require.NoError(t, other.Cancel(t.Context(), job.ID, "ops", ""))
		require.ErrorIs(t, receive(t, causes), engine.ErrCancelled)
		assert.Equal(t, model.Cancelled, ended(t, other, job.ID).Status)
	})
}

// The request comes from another process while a step is about to complete: the answer to
// the write of its record has the request, before the next step.
func TestCancelBetweenStepsStopsBeforeTheNext(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		other := newEngine(t, testdb.Open(t, text), config())
		d := steps.Define[input]()
		steps.Do(d, "completes", func(ctx context.Context, run *steps.Run[input]) error {
			return other.Cancel(context.WithoutCancel(ctx), run.Job().ID, "bob", "")
		})
		steps.Do(d, "never", func(context.Context, *steps.Run[input]) error { t.Error("ran after a cancel"); return nil })
		eng := newEngine(t, testdb.Open(t, text), config(), d)
		start(t, eng)
		for range 5 {
			s := ended(t, eng, enqueue(t, eng, input{}).ID)
			assert.Equal(t, model.Cancelled, s.Status)
			require.Len(t, s.Steps, 2)
			assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepPending}, []model.StepStatus{s.Steps[0].Status, s.Steps[1].Status})
			assert.Zero(t, s.Steps[1].Attempts)
		}
	})
}

func TestACancelDuringTheEndOfTheLastStepLoses(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		d := steps.Define[input]()
		steps.Do(d, "last", func(ctx context.Context, run *steps.Run[input]) error {
			return eng.Cancel(context.WithoutCancel(ctx), run.Job().ID, "late", "")
		})
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Succeeded, s.Status)
		assert.Equal(t, "late", s.CancelledBy)
	})
}

func TestACheckpointOfACancelledJobReturnsAnErrorAndIsKept(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		d := steps.Define[input]()
		steps.Do(d, "pages", func(ctx context.Context, run *steps.Run[input]) error {
			if err := eng.Cancel(context.WithoutCancel(ctx), run.Job().ID, "", ""); err != nil {
				return err
			}
			err := run.Checkpoint(ctx, 7)
			assert.ErrorIs(t, err, engine.ErrCancelled)
			return err
		})
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Empty(t, s.Error)
		assert.JSONEq(t, `{"step":"pages","value":7}`, string(s.Checkpoints))
	})
}

func TestWhatDoesNotExistIsNotFound(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		id := uuid.New()
		for name, do := range map[string]func(context.Context, uuid.UUID) error{
			"cancel":  func(ctx context.Context, id uuid.UUID) error { return eng.Cancel(ctx, id, "", "") },
			"resume":  func(ctx context.Context, id uuid.UUID) error { return eng.Resume(ctx, id) },
			"restart": eng.Restart,
			"delete":  eng.Delete,
			"succeed": func(ctx context.Context, id uuid.UUID) error { return eng.Succeed(ctx, id, nil) },
			"status":  func(ctx context.Context, id uuid.UUID) error { _, err := eng.Status(ctx, id); return err },
			"wait":    func(ctx context.Context, id uuid.UUID) error { _, err := eng.Wait(ctx, id, nil); return err },
		} {
			err := do(t.Context(), id)
			assert.ErrorIs(t, err, engine.ErrNotFound, name)
			assert.ErrorContains(t, err, id.String(), name)
		}
	})
}

func TestADeletedJobIsNeitherRunNorListedNorResumed(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		job := enqueue(t, eng, input{})
		require.NoError(t, eng.Delete(t.Context(), job.ID))
		require.NoError(t, eng.Delete(t.Context(), job.ID))
		start(t, eng)
		ended(t, eng, enqueue(t, eng, input{}).ID)
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.False(t, s.DeletedAt.IsZero())
		assert.ErrorIs(t, eng.Resume(t.Context(), job.ID), engine.ErrStatus)
		assert.ErrorIs(t, eng.Cancel(t.Context(), job.ID, "", ""), engine.ErrStatus)
	})
}

func TestWaitReportsChangesAndEndsWithTheJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		start(t, eng)
		job := enqueue(t, eng, input{}, engine.At(time.Now().Add(200*time.Millisecond)))
		var seen []model.Status
		s, err := eng.Wait(t.Context(), job.ID, func(s *model.JobView) { seen = append(seen, s.Status) })
		require.NoError(t, err)
		assert.Equal(t, model.Succeeded, s.Status)
		assert.Equal(t, model.Scheduled, seen[0])
		assert.Equal(t, model.Succeeded, seen[len(seen)-1])
	})
}
