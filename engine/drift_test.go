package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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

// trace records which steps have run.
type trace struct {
	mu  sync.Mutex
	ran []string
}

func (tr *trace) note(name string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.ran = append(tr.ran, name)
}

// drain returns the steps that have run since the last call.
func (tr *trace) drain() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	defer func() { tr.ran = nil }()
	return strings.Join(tr.ran, " ")
}

// add adds a step that records that it runs and returns its name.
func (tr *trace) add(d *steps.Definition[input], name string, opts ...steps.Option) *steps.Step[input, string] {
	return steps.Add(d, name, func(context.Context, *steps.Run[input]) (string, error) {
		tr.note(name)
		return name, nil
	}, opts...)
}

// fail adds a step that records that it runs and fails.
func (tr *trace) fail(d *steps.Definition[input], name string, opts ...steps.Option) {
	steps.Do(d, name, func(context.Context, *steps.Run[input]) error {
		tr.note(name)
		return errBoom
	}, opts...)
}

// runUntil runs a definition's job in an engine of its own until it has ended or waits.
func runUntil(t *testing.T, db *bun.DB, d steps.Handler, id uuid.UUID) *model.JobView {
	t.Helper()
	eng := newEngine(t, db, config(), d)
	defer start(t, eng)()
	return until(t, eng, id, func(s *model.JobView) bool { return s.Status.Ended() || s.WaitsFor != "" })
}

func TestARenamedStepKeepsItsRecordItsCheckpointAndItsKey(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		tr := &trace{}
		old := steps.Define[input]()
		tr.add(old, "extract")
		var keys []string
		steps.Do(old, "charge", func(ctx context.Context, run *steps.Run[input]) error {
			keys = append(keys, run.IdempotencyKey())
			return errors.Join(run.Checkpoint(ctx, 7), errBoom)
		})
		id := enqueue(t, newEngine(t, db, config(), old), input{}).ID
		require.Equal(t, model.Failed, runUntil(t, db, old, id).Status)
		assert.Equal(t, "extract", tr.drain())

		now := steps.Define[input]()
		read := tr.add(now, "read", steps.WasNamed("load", "extract"))
		steps.Add(now, "bill", func(_ context.Context, run *steps.Run[input]) (string, error) {
			keys = append(keys, run.IdempotencyKey())
			at := 0
			found, err := run.LastCheckpoint(&at)
			return fmt.Sprint(found, at, " ", read.Output(run)), err
		}, steps.WasNamed("charge"))
		eng := newEngine(t, db, config(), now)
		forecast, err := eng.DryRun(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, []model.ForecastStep{
			{Step: "read", Action: model.ActionSkip, Why: `is recorded as completed, under its older name "extract"`},
			{Step: "bill", Action: model.ActionRun, Why: `is recorded as failed, under its older name "charge"`},
		}, forecast)
		require.NoError(t, eng.Resume(t.Context(), id))
		s := runUntil(t, db, now, id)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Empty(t, tr.drain(), "the renamed step has not run again")
		assert.JSONEq(t, `"true 7 extract"`, string(s.Result))
		assert.Equal(t, []string{id.String() + ":charge", id.String() + ":charge"}, keys)
		assert.True(t, s.PlanChanged)
		assert.Nil(t, s.Checkpoints)
	})
}

func TestAStepThatWaitsIsRenamedWhileItWaits(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{"approve", "release"} {
		t.Run(sent, func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				old, now := steps.Define[input](), steps.Define[input]()
				steps.AwaitSignal[input, string](old, "approve")
				steps.AwaitSignal[input, string](now, "release", steps.WasNamed("approve"))
				eng := newEngine(t, db, config(), now)
				id := enqueue(t, eng, input{}).ID
				require.Equal(t, model.Scheduled, runUntil(t, db, old, id).Status)
				_, err := eng.Signal(t.Context(), id, sent, "yes", "ann")
				require.NoError(t, err)
				start(t, eng)
				s := ended(t, eng, id)
				require.Equal(t, model.Succeeded, s.Status, s.Error)
				assert.JSONEq(t, `"yes"`, string(s.Result))
			})
		})
	}
}

func TestARemovedStepIsHistoryAndAnUnknownOneIsRejected(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		tr := &trace{}
		old := steps.Define[input]()
		tr.add(old, "a")
		tr.add(old, "b")
		tr.fail(old, "c")
		id := enqueue(t, newEngine(t, db, config(), old), input{}).ID
		runUntil(t, db, old, id)
		tr.drain()
		define := func(opts ...steps.DefineOption) *steps.Definition[input] {
			d := steps.Define[input](opts...)
			tr.add(d, "a")
			tr.add(d, "c")
			return d
		}
		eng := newEngine(t, db, config(), define())
		before, err := eng.Job(t.Context(), id)
		require.NoError(t, err)
		err = eng.Resume(t.Context(), id)
		assert.ErrorContains(t, err, `step "b" is recorded as completed, but the definition has no step of that name`)
		after, err := eng.Job(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, before, after, "the rejected resume has changed nothing")

		require.NoError(t, newEngine(t, db, config(), define(steps.Removed("b"))).Resume(t.Context(), id))
		s := runUntil(t, db, define(steps.Removed("b")), id)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, "c", tr.drain())
		require.Len(t, s.History, 1)
		assert.Equal(t, "b", s.History[0].Name)
		assert.JSONEq(t, `"b"`, string(s.History[0].Output))
		assert.Len(t, s.Steps, 2)
	})
}

// A job that was handed over, or continues by itself, runs under the changed definition
// without a resume.
func TestDriftIsFoundBeforeAnythingRunsAndTheRecordStays(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		tr := &trace{}
		old := steps.Define[input]()
		tr.add(old, "a")
		steps.Sleep(old, "wait", time.Nanosecond)
		steps.AwaitSignal[input, int](old, "go")
		eng := newEngine(t, db, config(), old)
		id := enqueue(t, eng, input{}).ID
		until := func() *model.JobView { return runUntil(t, db, old, id) }
		require.Equal(t, `the signal "go"`, until().WaitsFor)
		tr.drain()
		before, err := eng.Job(t.Context(), id)
		require.NoError(t, err)

		now := steps.Define[input]()
		tr.add(now, "first")
		tr.add(now, "a")
		steps.AwaitSignal[input, int](now, "go")
		eng = newEngine(t, db, config(), now)
		_, err = eng.Signal(t.Context(), id, "go", 1, "")
		require.NoError(t, err)
		start(t, eng)
		s := ended(t, eng, id)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, `step "a" is recorded as completed, but step "first" before it is not done`)
		assert.Contains(t, s.Error, `step "wait" is recorded as completed, but the definition has no step of that name`)
		assert.Empty(t, tr.drain())
		after, err := eng.Job(t.Context(), id)
		require.NoError(t, err)
		assert.JSONEq(t, string(before.Data), string(after.Data))
	})
}

type countV1 struct {
	Rows string `json:"rows"`
}

type countV2 struct {
	Rows int `json:"rows"`
}

func TestAnOutputOfAnOlderVersionIsReadByStepsUndoAndDryRun(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		old := steps.Define[input]()
		steps.Add(old, "count", func(context.Context, *steps.Run[input]) (countV1, error) { return countV1{Rows: "four"}, nil })
		(&trace{}).fail(old, "send")
		id := enqueue(t, newEngine(t, db, config(), old), input{}).ID
		runUntil(t, db, old, id)

		var sent, undone countV2
		define := func(opts ...steps.Option) *steps.Definition[input] {
			d := steps.Define[input]()
			undo := steps.Undo(func(_ context.Context, _ *steps.Run[input], out countV2) error { undone = out; return nil })
			count := steps.Add(d, "count", func(context.Context, *steps.Run[input]) (countV2, error) { return countV2{}, nil }, append(opts, undo)...)
			steps.Do(d, "send", func(_ context.Context, run *steps.Run[input]) error {
				sent = count.Output(run)
				return errBoom
			})
			return d
		}
		reordered := newEngine(t, db, config(), define())
		want := `step "count": its recorded output no longer decodes (recorded under version 0, now it is 0): field "rows" is a JSON string, and a int is wanted`
		assert.ErrorContains(t, reordered.Resume(t.Context(), id), want)
		forecast, err := reordered.DryRun(t.Context(), id)
		assert.ErrorContains(t, err, want)
		assert.Equal(t, model.ActionUnknown, forecast[0].Action)
		assert.ErrorContains(t, newEngine(t, db, config(), define(steps.Version(1))).Resume(t.Context(), id), "add a steps.Migrate from 0")

		d := define(steps.Version(1), steps.Migrate(0, func(old countV1) (countV2, error) { return countV2{Rows: len(old.Rows)}, nil }))
		eng := newEngine(t, db, config(), d)
		forecast, err = eng.DryRun(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, model.ActionSkip, forecast[0].Action)
		require.NoError(t, eng.Resume(t.Context(), id))
		s := runUntil(t, db, d, id)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, countV2{Rows: 4}, sent)
		assert.Equal(t, model.StepUndone, s.Steps[0].Status, "it has run in the old version, without an undo: the new one has it")
		assert.Equal(t, countV2{Rows: 4}, undone)
		assert.JSONEq(t, `{"rows":"four"}`, string(s.Steps[0].Output), "the record keeps what it has")
	})
}

func TestADryRunReportsUndoing(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		tr := &trace{}
		d := steps.Define[input]()
		tr.add(d, "book", steps.Undo(func(context.Context, *steps.Run[input], string) error { return errBoom }))
		tr.add(d, "note")
		tr.fail(d, "pay")
		eng := newEngine(t, db, config(), d)
		id := enqueue(t, eng, input{}).ID
		s := runUntil(t, db, d, id)
		require.True(t, s.Undoing, s.Error)
		forecast, err := eng.DryRun(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, model.ForecastStep{Step: "book", Action: model.ActionUndo, Why: "is recorded as completed, and is undone before the job is failed"}, forecast[0])
		assert.Equal(t, model.ActionSkip, forecast[1].Action)
		assert.Equal(t, model.ActionSkip, forecast[2].Action)
		assert.ErrorContains(t, eng.Resume(t.Context(), id, engine.SkipStep("pay")), "its steps are being undone")
		forecast, err = eng.DryRun(t.Context(), id, engine.RerunFrom("pay"))
		require.NoError(t, err)
		assert.Equal(t, model.ActionRun, forecast[2].Action, "From gives the undoing up")
	})
}
