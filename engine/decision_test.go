package engine_test

import (
	"context"
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

func TestSucceedAndFailDecideTheEndOfARunningJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		d := steps.Define[input]()
		steps.Do(d, "decides", func(ctx context.Context, run *steps.Run[input]) error {
			if run.Input().Text == "succeed" {
				return eng.Succeed(ctx, run.Job().ID, map[string]int{"rows": 3})
			}
			return eng.Fail(ctx, run.Job().ID, "not today", []string{"detail"})
		})
		steps.Do(d, "skipped", func(context.Context, *steps.Run[input]) error { return errBoom })
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{Text: "succeed"}).ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `{"rows":3}`, string(s.Result))
		assert.Equal(t, model.StepSkipped, s.Steps[1].Status)
		assert.Equal(t, 1.0, s.Progress)
		s = ended(t, eng, enqueue(t, eng, input{Text: "fail"}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, "not today", s.Error)
		assert.JSONEq(t, `["detail"]`, string(s.Result))
		assert.ErrorIs(t, eng.Succeed(t.Context(), s.ID, 1), engine.ErrStatus)
	})
}

func TestFailKeepsItsReasonAndResultWhateverTheStepReturns(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		eng = newEngine(t, db, config(), one("test:job", func(ctx context.Context, run *steps.Run[input]) error {
			if err := eng.Fail(ctx, run.Job().ID, "no stock", map[string]int{"missing": 3}); err != nil {
				return err
			}
			return errBoom
		}))
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, "no stock", s.Error)
		assert.JSONEq(t, `{"missing":3}`, string(s.Result))
		assert.Equal(t, "boom", s.Steps[0].Error)
	})
}

func TestAResultThatAStepHasSetSurvivesAResume(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var healthy atomic.Bool
		d := steps.Define[input]()
		steps.Do(d, "sets", func(_ context.Context, run *steps.Run[input]) error { return run.SetResult("from the first") })
		steps.Add(d, "fails", func(context.Context, *steps.Run[input]) (string, error) {
			if !healthy.Load() {
				return "", errBoom
			}
			return "from the second", nil
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		ended(t, eng, job.ID)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		assert.JSONEq(t, `"from the first"`, string(ended(t, eng, job.ID).Result))
	})
}
