package engine_test

import (
	"context"
	"encoding/json"
	"errors"
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

func TestRerunFromRunsAStepAndAllAfterItAgain(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		tr := &trace{}
		fail := true
		d := steps.Define[input]()
		tr.add(d, "a")
		tr.add(d, "b")
		steps.AwaitSignal[input, int](d, "ok")
		tr.add(d, "c", steps.When(func(*steps.Run[input]) bool { tr.note("c?"); return true }, "never"))
		steps.Add(d, "d", func(ctx context.Context, run *steps.Run[input]) (int, error) {
			tr.note("d")
			at := 0
			_, err := run.LastCheckpoint(&at)
			if fail {
				err = errors.Join(run.Checkpoint(ctx, 5), errBoom)
			}
			return at, err
		})
		eng := newEngine(t, db, config(), d)
		id := enqueue(t, eng, input{}).ID
		_, err := eng.Signal(t.Context(), id, "ok", 1, "ann")
		require.NoError(t, err)
		s := runUntil(t, db, d, id)
		require.Equal(t, model.Failed, s.Status)
		require.Equal(t, "a b c? c d", tr.drain())

		for _, wrong := range []struct {
			opts []engine.ResumeOption
			want string
		}{
			{[]engine.ResumeOption{engine.RerunFrom("x")}, `there is no step "x" to rerun from`},
			{[]engine.ResumeOption{engine.RerunFrom("")}, `there is no step "" to rerun from`},
			{[]engine.ResumeOption{engine.SkipStep("a")}, `step "a" is recorded as completed: there is nothing to skip`},
			{[]engine.ResumeOption{engine.SkipStep("")}, `no record of a step "" to skip`},
		} {
			err := eng.Resume(t.Context(), id, wrong.opts...)
			assert.ErrorIs(t, err, engine.ErrInvalid)
			assert.ErrorContains(t, err, wrong.want)
			_, err = eng.DryRun(t.Context(), id, wrong.opts...)
			assert.ErrorContains(t, err, wrong.want)
		}

		forecast, err := eng.DryRun(t.Context(), id, engine.RerunFrom("b"))
		require.NoError(t, err)
		var does []string
		for _, f := range forecast {
			does = append(does, f.Step+" "+string(f.Action))
		}
		assert.Equal(t, []string{"a skip", "b run", "ok run", "c run", "d run"}, does)
		fail = false
		require.NoError(t, eng.Resume(t.Context(), id, engine.RerunFrom("b")))
		s, err = eng.Status(t.Context(), id)
		require.NoError(t, err)
		assert.InDelta(t, 0.2, s.Progress, 1e-6)
		assert.Nil(t, s.Checkpoints)
		s = runUntil(t, db, d, id)
		require.Equal(t, model.Scheduled, s.Status, "it waits for the signal again")
		assert.Equal(t, "b", tr.drain())
		_, err = eng.Signal(t.Context(), id, "ok", 2, "bob")
		require.NoError(t, err)
		start(t, eng)
		s = ended(t, eng, id)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, "c? c d", tr.drain(), "the condition is evaluated again")
		assert.JSONEq(t, `0`, string(s.Result), "the checkpoint is gone")
		var names []string
		for _, record := range s.History {
			names = append(names, record.Name+" "+string(record.Status))
		}
		assert.Equal(t, []string{"b completed", "ok completed", "c completed", "d failed"}, names)
		assert.Equal(t, 2, s.Steps[1].Attempts)
		assert.Equal(t, "bob", s.Steps[2].SentBy)
	})
}

func TestRerunFromUsesTheOrderOfAChangedDefinition(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		tr := &trace{}
		old := steps.Define[input]()
		for _, name := range []string{"a", "b", "gone"} {
			tr.add(old, name)
		}
		tr.fail(old, "c")
		id := enqueue(t, newEngine(t, db, config(), old), input{}).ID
		runUntil(t, db, old, id)
		tr.drain()
		now := steps.Define[input]()
		for _, name := range []string{"a", "new", "b", "c"} {
			tr.add(now, name)
		}
		eng := newEngine(t, db, config(), now)
		assert.ErrorContains(t, eng.Resume(t.Context(), id), `step "b" is recorded as completed, but step "new" before it is not done`)
		forecast, err := eng.DryRun(t.Context(), id)
		assert.Error(t, err)
		require.Len(t, forecast, 5)
		assert.Equal(t, model.ForecastStep{Step: "new", Action: model.ActionRun, Why: "is new in the definition"}, forecast[1])
		assert.Equal(t, model.ActionUnknown, forecast[2].Action)
		assert.Equal(t, "gone", forecast[4].Step)

		require.NoError(t, eng.Resume(t.Context(), id, engine.RerunFrom("new")))
		s := runUntil(t, db, now, id)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, "new b c", tr.drain())
		assert.Len(t, s.History, 3)
	})
}

func TestRerunFromRejectsAStepAfterOneThatIsNotDone(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		tr := &trace{}
		d := steps.Define[input]()
		tr.fail(d, "a")
		tr.add(d, "b")
		eng := newEngine(t, db, config(), d)
		id := enqueue(t, eng, input{}).ID
		runUntil(t, db, d, id)
		assert.ErrorContains(t, eng.Resume(t.Context(), id, engine.RerunFrom("b")), `step "a" before step "b" is recorded as failed`)
		other := newEngine(t, db, config(), one("test:other", nothing)) // does not know the type
		assert.ErrorContains(t, other.Resume(t.Context(), id, engine.RerunFrom("b")), `step "a" before step "b" is recorded as failed`)
		require.NoError(t, other.Resume(t.Context(), id, engine.SkipStep("a")))
		s := runUntil(t, db, d, id)
		assert.Equal(t, model.Succeeded, s.Status)
		assert.Equal(t, model.StepSkipped, s.Steps[0].Status)
		assert.Equal(t, "a b", tr.drain())
	})
}

func TestHistoryIsDroppedForWhatTheJobNeeds(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		fail := true
		d := steps.Define[input]()
		for _, name := range []string{"a", "b", "c"} {
			steps.Add(d, name, func(context.Context, *steps.Run[input]) (string, error) {
				return strings.Repeat(name, 3000), nil
			})
		}
		steps.Do(d, "last", func(context.Context, *steps.Run[input]) error {
			if fail {
				return errBoom
			}
			return nil
		})
		cfg := config()
		cfg.Limits.Data = 12_000 // room for the job, and a history of one record
		eng := newEngine(t, db, cfg, d)
		id := enqueue(t, eng, input{}).ID
		for n := range 3 {
			stop := start(t, eng)
			s := ended(t, eng, id)
			stop()
			require.Equal(t, `step "last": boom`, s.Error)
			fail = n < 2
			require.NoError(t, eng.Resume(t.Context(), id, engine.RerunFrom("a")))
		}
		start(t, eng)
		s := ended(t, eng, id)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Positive(t, s.HistoryDropped)
		assert.NotEmpty(t, s.History, "the latest are kept")
		assert.Equal(t, "last", s.History[len(s.History)-1].Name)
		row, err := eng.Job(t.Context(), id)
		require.NoError(t, err)
		assert.Less(t, len(row.Data), 13_500)
	})
}

// An earlier version has left a document that is over the bound because of an error: that is
// cut, and then the history has room.
func TestErrorsAreCutBeforeHistoryIsDropped(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		healthy := false
		d := steps.Define[input]()
		steps.Add(d, "a", func(context.Context, *steps.Run[input]) (string, error) { return strings.Repeat("a", 1000), nil })
		steps.Do(d, "last", func(context.Context, *steps.Run[input]) error {
			if healthy {
				return nil
			}
			return errBoom
		})
		cfg := config()
		cfg.Limits.Data = 4000
		eng := newEngine(t, db, cfg, d)
		id := enqueue(t, eng, input{}).ID
		run := func() *model.JobView {
			defer start(t, eng)()
			return ended(t, eng, id)
		}
		require.Equal(t, model.Failed, run().Status)
		require.NoError(t, eng.Resume(t.Context(), id, engine.RerunFrom("a")))
		require.Len(t, run().History, 2)

		edit(t, db, id, func(data object, _ []any) {
			data["steps"].([]any)[1].(object)["error"] = strings.Repeat("e", 3000)
		})
		healthy = true
		require.NoError(t, eng.Resume(t.Context(), id))
		s := run()
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Zero(t, s.HistoryDropped)
		assert.Len(t, s.History, 2)
	})
}

func TestADocumentWithHistoryIsReadAsOne(t *testing.T) {
	t.Parallel()
	data, err := model.ParseData(json.RawMessage(`{"input":1,"steps":[],"history":[{"name":"a","status":"completed"}],"history_dropped":2}`))
	require.NoError(t, err)
	assert.JSONEq(t, `1`, string(data.Input))
	assert.Equal(t, 2, data.HistoryDropped)
}
