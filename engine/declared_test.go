package engine_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// A decision can come before a run has matched the job's records with its plan.
func TestAJobDeclaredFailedBeforeItsPlanIsMadeKeepsItsRecords(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		var eng *engine.Engine
		var unknown, healthy atomic.Bool
		d := steps.Define[input]()
		steps.Add(d, "first", func(_ context.Context, run *steps.Run[input]) (string, error) {
			log.write("first")
			return run.Input().Text, nil
		})
		steps.Do(d, "second", func(context.Context, *steps.Run[input]) error {
			if !healthy.Load() {
				return errBoom
			}
			return nil
		})
		eng, err := engine.New(db, config())
		require.NoError(t, err)
		require.NoError(t, eng.Register(d, engine.ContextFunc(func(ctx context.Context, job *model.Job) (context.Context, error) {
			if !unknown.Load() {
				return ctx, nil
			}
			if err := eng.Fail(ctx, job.ID, "the user is unknown", nil); err != nil {
				return nil, err
			}
			return nil, errBoom
		})))
		start(t, eng)
		job := enqueue(t, eng, input{Text: "kept"})
		require.Equal(t, model.Failed, ended(t, eng, job.ID).Status)

		unknown.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, "the user is unknown", s.Error)
		assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepFailed}, statuses(s))

		unknown.Store(false)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status)
		assert.JSONEq(t, `"kept"`, string(s.Steps[0].Output))
		assert.Equal(t, "first", log.read(), "it has run once")
	})
}

// An undo that is continued by another run ends as one that was not interrupted.
func TestTheUndoOfAJobDeclaredFailedIsContinuedByAResume(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		var eng *engine.Engine
		var mended atomic.Bool
		d := steps.Define[input]()
		undoable(d, &log, "reserve", func(context.Context, *steps.Run[input]) error {
			if !mended.Load() {
				return errors.New("the shop is closed")
			}
			return nil
		})
		steps.Add(d, "decides", func(ctx context.Context, run *steps.Run[input]) (string, error) {
			if err := run.SetResult("of the step"); err != nil {
				return "", err
			}
			return "", eng.Fail(ctx, run.Job().ID, "no stock", "of the decision")
		}, steps.Undo(func(context.Context, *steps.Run[input], string) error { return nil }))
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.True(t, s.Undoing)
		assert.JSONEq(t, `"of the decision"`, string(s.Result))

		mended.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, "no stock", s.Error)
		assert.Equal(t, []model.StepStatus{model.StepUndone, model.StepUndone}, statuses(s))
		assert.Equal(t, "reserve -reserve", log.read())
		assert.JSONEq(t, `"of the decision"`, string(s.Result))
	})
}

// A job whose last step is completed and whose undo has not undone any step yet has no step
// to run, but still something to do.
func TestAResumeContinuesAnUndoThatHasUndoneNothingYet(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		var eng *engine.Engine
		var mended atomic.Bool
		d := steps.Define[input]()
		undoable(d, &log, "reserve", func(context.Context, *steps.Run[input]) error {
			if !mended.Load() {
				return errors.New("the shop is closed")
			}
			return nil
		})
		steps.Do(d, "decides", func(ctx context.Context, run *steps.Run[input]) error {
			return eng.Fail(ctx, run.Job().ID, "no stock", nil)
		})
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		require.Equal(t, model.Failed, ended(t, eng, job.ID).Status)

		mended.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, "no stock", s.Error)
		assert.Equal(t, "reserve -reserve", log.read())
	})
}
