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
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestAStepIsSkippedForItsReasonAndCounts(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		d := steps.Define[input]()
		count := steps.Add(d, "count", func(_ context.Context, run *steps.Run[input]) (int, error) { return run.Input().N, nil })
		large := func(run *steps.Run[input]) bool { return count.Output(run) > 10 }
		split := steps.Add(d, "split", func(context.Context, *steps.Run[input]) (string, error) { return "parts", nil },
			steps.When(large, "there are 10 or fewer"), steps.Weight(8))
		steps.Add(d, "send", func(ctx context.Context, run *steps.Run[input]) (string, error) {
			s, err := eng.Status(ctx, run.Job().ID)
			if assert.NoError(t, err) && run.Input().N == 3 {
				assert.Equal(t, model.StepSkipped, s.Steps[1].Status, "recorded before the next step begins")
				assert.Equal(t, 2, s.StepsCompleted, "recorded before the next step begins")
				assert.Equal(t, 90, s.Percent)
			}
			return "sent " + split.Output(run), nil
		})
		eng = newEngine(t, db, config(), d)
		start(t, eng)

		s := ended(t, eng, enqueue(t, eng, input{N: 3}).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, model.StepSkipped, s.Steps[1].Status)
		assert.Equal(t, "there are 10 or fewer", s.Steps[1].Error)
		assert.Zero(t, s.Steps[1].Attempts)
		assert.JSONEq(t, `"sent "`, string(s.Result), "its output is the zero value")
		assert.Equal(t, 3, s.StepsCompleted)

		s = ended(t, eng, enqueue(t, eng, input{N: 11}).ID)
		assert.JSONEq(t, `"sent parts"`, string(s.Result))
		assert.Equal(t, model.StepCompleted, s.Steps[1].Status)
	})
}

func TestALastStepAndAllStepsMayBeSkipped(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		never := steps.When(func(*steps.Run[input]) bool { return false }, "")
		d := steps.Define[input]()
		ran := func(context.Context, *steps.Run[input]) error { t.Error("it ran"); return nil }
		steps.Do(d, "one", ran, never)
		group := steps.Parallel(d, "both")
		steps.Do(group, "two", ran, never)
		steps.Do(group, "three", ran, never)
		steps.Do(d, "four", ran, never)
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Succeeded, s.Status)
		assert.Equal(t, 100, s.Percent)
		assert.Equal(t, 4, s.StepsCompleted)
		assert.Equal(t, "its condition was not met", s.Steps[3].Error)
	})
}

// The result of a condition is kept, whatever it would return later; a panic is no result.
func TestAConditionIsEvaluatedUntilItHasReturned(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var asked, ran atomic.Int32
		var skips, panics, healthy atomic.Bool
		skips.Store(true)
		panics.Store(true)
		d := steps.Define[input]()
		steps.Do(d, "maybe", func(context.Context, *steps.Run[input]) error { ran.Add(1); return nil },
			steps.When(func(*steps.Run[input]) bool {
				asked.Add(1)
				if panics.Load() {
					panicking()
				}
				return !skips.Load()
			}, "not now"))
		steps.Do(d, "last", func(context.Context, *steps.Run[input]) error {
			if !healthy.Load() {
				return errBoom
			}
			return nil
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, model.StepFailed, s.Steps[0].Status)
		assert.Zero(t, s.Steps[0].Attempts)
		assert.Contains(t, s.Error, `step "maybe": decide whether it runs: panic: out of order`)

		panics.Store(false)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.StepSkipped, s.Steps[0].Status)
		assert.Equal(t, "not now", s.Steps[0].Error)
		assert.EqualValues(t, 2, asked.Load())

		skips.Store(false)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
		assert.EqualValues(t, 2, asked.Load(), "not after it has been skipped")
		assert.Zero(t, ran.Load())
	})
}

func TestAConditionIsNotEvaluatedForAStepThatHasBegun(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for name, breakOff := range map[string]func(*testutil.Harness){
			"killed":      func(h *testutil.Harness) { h.Kill(testutil.BeforeRecord("maybe")); h.Resume() },
			"handed over": func(h *testutil.Harness) { h.Stop(testutil.BeforeStep("maybe")) },
		} {
			var asked atomic.Int32
			d := steps.Define[input]()
			steps.Do(d, "first", func(context.Context, *steps.Run[input]) error { return nil })
			steps.Do(d, "maybe", func(ctx context.Context, _ *steps.Run[input]) error { return context.Cause(ctx) },
				steps.When(func(*steps.Run[input]) bool { return asked.Add(1) == 1 }, "no"), steps.StopOnCrash())
			d2 := d
			if name == "killed" {
				d2 = steps.Define[input]()
				steps.Do(d2, "maybe", func(context.Context, *steps.Run[input]) error { return nil },
					steps.When(func(*steps.Run[input]) bool { return asked.Add(1) == 1 }, "no"), steps.Retry(2, 0))
			}
			h := testutil.NewHarness(t, d2, testutil.OnDB(db))
			h.Enqueue(input{})
			breakOff(h)
			s := h.Run()
			assert.Equal(t, model.Succeeded, s.Status, s.Error)
			assert.EqualValues(t, 1, asked.Load(), name)
			assert.Equal(t, model.StepCompleted, s.Steps[len(s.Steps)-1].Status, name)
		}
	})
}
