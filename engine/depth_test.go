package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func nested(levels int) json.RawMessage {
	return json.RawMessage(strings.Repeat("[", levels) + strings.Repeat("]", levels))
}

// deepEverywhere puts values that nest so deeply into each place of a job that stores JSON;
// tries gets the errors.
func deepEverywhere(eng func() *engine.Engine, levels int, tries map[string]error) *steps.Definition[engine.RawInput] {
	d := steps.Define[engine.RawInput](steps.Type("deep"))
	steps.AwaitSignal[engine.RawInput, json.RawMessage](d, "signal")
	steps.Do(d, "checkpoint", func(ctx context.Context, run *steps.Run[engine.RawInput]) error {
		tries["checkpoint"] = run.Checkpoint(ctx, nested(levels))
		tries["result"] = run.SetResult(nested(levels))
		tries["decision"] = eng().Succeed(ctx, run.Job().ID, nested(levels))
		return nil
	})
	steps.Add(d, "output", func(context.Context, *steps.Run[engine.RawInput]) (json.RawMessage, error) {
		return nested(levels), nil
	})
	return d
}

// MariaDB, which stores the fewest levels, keeps a value of the deepest nesting in each
// place, and so do the others.
func TestValuesOfTheDeepestNestingAreKeptInEveryPlace(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		deepest := nested(model.MaxJSONDepth)
		d := steps.Define[[]any](steps.Type("deep"))
		signal := steps.AwaitSignal[[]any, []any](d, "signal")
		broken := true
		steps.Add(d, "output", func(ctx context.Context, run *steps.Run[[]any]) ([]any, error) {
			if err := run.Checkpoint(ctx, run.Input()); err != nil {
				return nil, err
			}
			var checkpoint []any
			if found, err := run.LastCheckpoint(&checkpoint); err != nil || !found {
				return nil, fmt.Errorf("the first attempt: %w", err)
			}
			if err := run.SetResult(signal.Output(run)); err != nil {
				return nil, err
			}
			return checkpoint, nil
		}, steps.Retry(2, 0))
		steps.Do(d, "breaks", func(context.Context, *steps.Run[[]any]) error {
			if broken {
				broken = false
				return errBoom
			}
			return nil
		})
		eng := newEngine(t, db, config(), d)
		job := enqueue(t, eng, engine.RawInput{Type: "deep", Input: deepest})
		_, err := eng.Signal(t.Context(), job.ID, "signal", deepest, "")
		require.NoError(t, err)
		start(t, eng)
		s := ended(t, eng, job.ID)
		require.Equal(t, model.Failed, s.Status)
		require.NoError(t, eng.Resume(t.Context(), job.ID, engine.RerunFrom("output"))) // puts records into the history
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		row, err := eng.Job(t.Context(), job.ID)
		require.NoError(t, err)
		data, err := model.ParseData(row.Data)
		require.NoError(t, err)
		for what, kept := range map[string]json.RawMessage{
			"input": data.Input, "signal": s.Steps[0].Output, "output": s.Steps[1].Output, "result": s.Result, "history": s.History[0].Output,
		} {
			assert.JSONEq(t, string(deepest), string(kept), what)
		}
	})
}

// A nesting that some database would not store, or that would exhaust a parser's stack, is
// rejected before anything is written, with an error that says why.
func TestValuesThatNestTooDeeplyAreRejectedInEveryPlace(t *testing.T) {
	t.Parallel()
	for _, levels := range []int{model.MaxJSONDepth + 1, 100_000 / 4, 100_000} {
		t.Run(fmt.Sprint(levels), func(t *testing.T) {
			t.Parallel()
			var eng *engine.Engine
			tries := make(map[string]error)
			cfg := config()
			cfg.Limits = engine.Limits{Input: 1 << 20, Output: 1 << 20}
			eng = newEngine(t, testdb.Open(t, testdb.DSN(t, testdb.SQLite)), cfg, deepEverywhere(func() *engine.Engine { return eng }, levels, tries))
			_, tries["input"] = eng.Enqueue(t.Context(), engine.RawInput{Type: "deep", Input: nested(levels)})
			assert.ErrorIs(t, tries["input"], engine.ErrInvalid)
			jobs, err := eng.List(t.Context(), engine.Filter{})
			require.NoError(t, err)
			require.Empty(t, jobs)

			job := enqueue(t, eng, engine.RawInput{Type: "deep"})
			_, tries["signal"] = eng.Signal(t.Context(), job.ID, "signal", nested(levels), "")
			assert.ErrorIs(t, tries["signal"], engine.ErrInvalid)
			_, err = eng.Signal(t.Context(), job.ID, "signal", 1, "")
			require.NoError(t, err)
			start(t, eng)
			s := ended(t, eng, job.ID)
			require.Equal(t, model.Failed, s.Status)
			assert.Nil(t, s.Steps[2].Output)
			assert.Nil(t, s.Checkpoints)
			tries["output"] = fmt.Errorf("%s", s.Error)
			for _, what := range []string{"input", "signal", "checkpoint", "result", "decision", "output"} {
				require.Error(t, tries[what], what)
				assert.Regexp(t, "nests deeper than 24 levels|exceeded max depth", tries[what].Error(), what)
				assert.Less(t, len(tries[what].Error()), 300, what)
			}
		})
	}
}
