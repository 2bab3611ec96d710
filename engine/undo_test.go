package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// diary is what a job's steps have done, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) write(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// read returns what was written since the last read.
func (d *diary) read() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return strings.Join(lines, " ")
}

// undoable adds a step that can be undone.
func undoable(d steps.Scope[input], log *diary, name string, undo func(context.Context, *steps.Run[input]) error, opts ...steps.Option) {
	steps.Add(d, name, func(context.Context, *steps.Run[input]) (string, error) {
		log.write("%s", name)
		return "of " + name, nil
	}, append(opts, steps.Undo(func(ctx context.Context, run *steps.Run[input], out string) error {
		if out != "of "+name {
			return fmt.Errorf("it has the output %q", out)
		}
		err := undo(ctx, run)
		if err == nil {
			log.write("-%s", name)
		}
		return err
	}))...)
}

func willing(context.Context, *steps.Run[input]) error { return nil }

// order is a job with two steps that can be undone, and one between them that cannot.
func order(log *diary, healthy *atomic.Bool, undo func(context.Context, *steps.Run[input]) error, opts ...steps.DefineOption) *steps.Definition[input] {
	d := steps.Define[input](opts...)
	undoable(d, log, "reserve", willing)
	steps.Do(d, "notify", func(context.Context, *steps.Run[input]) error { log.write("notify"); return nil })
	undoable(d, log, "charge", undo)
	steps.Do(d, "ship", func(context.Context, *steps.Run[input]) error {
		if !healthy.Load() {
			return errBoom
		}
		log.write("ship")
		return nil
	})
	return d
}

func statuses(s *model.JobView) (out []model.StepStatus) {
	for _, step := range s.Steps {
		out = append(out, step.Status)
	}
	return out
}

func TestAFailedJobIsUndoneInReverseAndAResumeRunsItAgain(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		var healthy atomic.Bool
		eng := newEngine(t, db, config(), order(&log, &healthy, willing))
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "ship": boom`, s.Error)
		assert.False(t, s.Undoing)
		assert.Equal(t, "reserve notify charge -charge -reserve", log.read())
		assert.Equal(t, []model.StepStatus{model.StepUndone, model.StepCompleted, model.StepUndone, model.StepFailed}, statuses(s))
		assert.Equal(t, model.StepCompleted, s.Steps[2].Undo.Status)
		assert.Equal(t, 1, s.Steps[2].Undo.Attempts)

		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, "reserve charge ship", log.read(), "what was not undone is not run again")
		assert.Equal(t, model.StepPending, s.Steps[0].Undo.Status)
	})
}

func TestStepsAreUndoneIfTheDefinitionSaysSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts              []steps.DefineOption
		failed, cancelled bool
	}{
		"both":      {nil, true, true},
		"both said": {[]steps.DefineOption{steps.UndoOn(model.Failed, model.Cancelled)}, true, true},
		"failure":   {[]steps.DefineOption{steps.UndoOn(model.Failed)}, true, false},
		"cancel":    {[]steps.DefineOption{steps.UndoOn(model.Cancelled)}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				var log diary
				begun := make(chan struct{})
				d := steps.Define[input](c.opts...)
				undoable(d, &log, "step", willing)
				steps.Do(d, "end", func(ctx context.Context, run *steps.Run[input]) error {
					if run.Input().N == 1 {
						return errBoom
					}
					close(begun)
					<-ctx.Done()
					return ctx.Err()
				})
				eng := newEngine(t, db, config(), d)
				start(t, eng)
				ended(t, eng, enqueue(t, eng, input{N: 1}).ID)
				assert.Equal(t, c.failed, strings.Contains(log.read(), "-step"))
				job := enqueue(t, eng, input{})
				receive(t, begun)
				require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", ""))
				s := ended(t, eng, job.ID)
				assert.Equal(t, model.Cancelled, s.Status)
				assert.Empty(t, s.Error)
				assert.Equal(t, c.cancelled, strings.Contains(log.read(), "-step"))
			})
		})
	}
}

// The context that the host makes for its jobs cannot be used after it has ended.
func TestAScheduledJobThatIsCancelledIsUndoneByItsHandler(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		d := steps.Define[input]()
		undoable(d, &log, "step", func(ctx context.Context, _ *steps.Run[input]) error { return ctx.Err() })
		steps.Sleep(d, "for long", time.Hour)
		eng := newEngine(t, db, config())
		require.NoError(t, eng.Register(d, engine.ContextFunc(func(ctx context.Context, _ *model.Job) (context.Context, error) {
			return ctx, ctx.Err()
		})))
		start(t, eng)
		job := enqueue(t, eng, input{})
		until(t, eng, job.ID, func(s *model.JobView) bool { return s.WaitsFor != "" })
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", "changed her mind"))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Empty(t, s.Error)
		assert.Equal(t, "ann", s.CancelledBy)
		assert.Equal(t, "step -step", log.read())
	})
}

func TestAnUndoThatFailsIsRetriedAndAResumeContinuesIt(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		var healthy, mended atomic.Bool
		keys := make(chan string, 9)
		d := steps.Define[input]()
		undoable(d, &log, "reserve", willing)
		undoable(d, &log, "charge", func(_ context.Context, run *steps.Run[input]) error {
			keys <- fmt.Sprint(strings.TrimPrefix(run.IdempotencyKey(), run.Job().ID.String()), run.Attempt())
			if !mended.Load() {
				return errors.New("the bank is closed")
			}
			return nil
		}, steps.Retry(2, time.Millisecond))
		steps.Do(d, "ship", func(context.Context, *steps.Run[input]) error {
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
		assert.Equal(t, `step "ship": boom; undo step "charge": the bank is closed`, s.Error)
		assert.True(t, s.Undoing)
		assert.Equal(t, model.StepFailed, s.Steps[1].Undo.Status)
		assert.Equal(t, 2, s.Steps[1].Undo.Attempts)
		assert.Equal(t, "the bank is closed", s.Steps[1].Undo.Error)
		assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepCompleted, model.StepFailed}, statuses(s))
		forecast, err := eng.DryRun(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, []model.Action{model.ActionUndo, model.ActionUndo, model.ActionSkip}, []model.Action{forecast[0].Action, forecast[1].Action, forecast[2].Action})

		mended.Store(true)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status, "it continues the undo, and ends as it would have")
		assert.Equal(t, `step "ship": boom`, s.Error)
		assert.False(t, s.Undoing)
		assert.Equal(t, "reserve charge -charge -reserve", log.read())
		assert.Equal(t, []string{":charge:undo1", ":charge:undo2", ":charge:undo3"}, []string{receive(t, keys), receive(t, keys), receive(t, keys)})
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
		assert.Equal(t, "reserve charge", log.read())
	})
}

// A cancel request neither ends the undo nor makes its checkpoints fail.
func TestUndoingIsNotCancelled(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		var healthy atomic.Bool
		var eng *engine.Engine
		eng = newEngine(t, db, config(), order(&log, &healthy, func(ctx context.Context, run *steps.Run[input]) error {
			if err := eng.Cancel(ctx, run.Job().ID, "ann", ""); err != nil {
				return err
			}
			if run.Cancelled() {
				return errors.New("it was cancelled")
			}
			return errors.Join(run.Checkpoint(ctx, 1), run.Checkpoint(ctx, 2))
		}))
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, "reserve notify charge -charge -reserve", log.read())
		assert.Equal(t, model.Cancelled, s.Status, "the cancel request is fulfilled")
	})
}

func TestAMigratedOutputIsUndoneInItsNewForm(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		fails := func(context.Context, *steps.Run[input]) error { return errBoom }
		old := steps.Define[input]()
		steps.Add(old, "count", func(context.Context, *steps.Run[input]) (int, error) { return 42, nil })
		steps.Do(old, "fails", fails)
		eng := newEngine(t, db, config(), old)
		stop := start(t, eng)
		job := enqueue(t, eng, input{})
		ended(t, eng, job.ID)
		stop()

		outs := make(chan string, 1)
		now := steps.Define[input]()
		steps.Add(now, "count", func(context.Context, *steps.Run[input]) (string, error) { return "", errBoom },
			steps.Version(1), steps.Migrate(0, func(n int) (string, error) { return fmt.Sprint(n, " rows"), nil }),
			steps.Undo(func(_ context.Context, _ *steps.Run[input], out string) error { outs <- out; return nil }))
		steps.Do(now, "fails", fails)
		eng = newEngine(t, db, config(), now)
		start(t, eng)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		assert.Equal(t, "42 rows", receive(t, outs))
		assert.Equal(t, model.StepUndone, ended(t, eng, job.ID).Steps[0].Status)
	})
}

func TestMembersOfAGroupAreUndoneOneAfterTheOther(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		d := steps.Define[input]()
		group := steps.Parallel(d, "both", steps.MaxParallel(1))
		undoable(group, &log, "a", func(context.Context, *steps.Run[input]) error { return nil })
		steps.Do(group, "b", nothing,
			steps.Undo(func(context.Context, *steps.Run[input], steps.None) error { log.write("-b"); return nil }))
		steps.Do(group, "fails", func(context.Context, *steps.Run[input]) error { return errBoom })
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, "a -b -a", log.read())
		assert.Equal(t, []model.StepStatus{model.StepUndone, model.StepUndone, model.StepFailed}, statuses(s))
	})
}

func TestAJobDeclaredFailedIsUndoneAndOneDeclaredSucceededIsNot(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		var eng *engine.Engine
		d := steps.Define[input]()
		undoable(d, &log, "step", willing)
		steps.Do(d, "decides", func(ctx context.Context, run *steps.Run[input]) error {
			if run.Input().N == 1 {
				return eng.Fail(ctx, run.Job().ID, "no good", nil)
			}
			return eng.Succeed(ctx, run.Job().ID, "good")
		})
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{N: 1}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, "no good", s.Error)
		assert.Equal(t, "step -step", log.read())
		assert.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, input{}).ID).Status)
		assert.Equal(t, "step", log.read())
	})
}

type childInput struct{}

func (childInput) JobType() string { return "child" }

func TestAStepWithChildrenIsUndoneWithTheirResults(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		undone := make(chan []model.ChildResult, 1)
		d := steps.Define[input]()
		steps.ChildJobs(d, "children", func(context.Context, *steps.Run[input]) ([]steps.Child, error) {
			return []steps.Child{{Input: childInput{}}}, nil
		}, steps.Undo(func(_ context.Context, _ *steps.Run[input], results []model.ChildResult) error {
			undone <- results
			return nil
		}))
		steps.Do(d, "fails", func(context.Context, *steps.Run[input]) error { return errBoom })
		child := steps.Define[childInput]()
		steps.Add(child, "only", func(context.Context, *steps.Run[childInput]) (int, error) { return 7, nil })
		eng := newEngine(t, db, config(), d, child)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.StepUndone, s.Steps[0].Status)
		results := receive(t, undone)
		require.Len(t, results, 1)
		assert.JSONEq(t, "7", string(results[0].Result))
	})
}

// A checkpoint of an undo is found by its next attempt, after the undo has failed for good
// and after its process has died; it is dropped when the step is undone, and the step
// itself does not see it.
func TestUndoingContinuesFromItsCheckpoint(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		var healthy atomic.Bool
		begun, hold := make(chan struct{}), make(chan struct{})
		d := steps.Define[input]()
		steps.Do(d, "copy", func(ctx context.Context, run *steps.Run[input]) error {
			page := 0
			found, err := run.LastCheckpoint(&page)
			log.write("copy %v", found)
			return errors.Join(err, run.Checkpoint(ctx, 99))
		}, steps.Undo(func(ctx context.Context, run *steps.Run[input], _ steps.None) error {
			page := 0
			if _, err := run.LastCheckpoint(&page); err != nil {
				return err
			}
			log.write("undo from %d", page)
			if err := run.Checkpoint(ctx, page+1); err != nil {
				return err
			}
			switch page {
			case 0:
				return errors.New("the disk is full")
			case 1:
				close(begun)
				<-hold
				return errBoom
			}
			return nil
		}))
		steps.Do(d, "ship", func(context.Context, *steps.Run[input]) error {
			if healthy.Load() {
				return nil
			}
			return errBoom
		})
		cfg := config()
		cfg.Grace = patience
		victim := newEngine(t, db, cfg, d)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- victim.Run(ctx) }()
		job := enqueue(t, victim, input{})
		s := ended(t, victim, job.ID)
		assert.Equal(t, `step "ship": boom; undo step "copy": the disk is full`, s.Error)
		assert.JSONEq(t, `{"step":"copy","value":1}`, string(s.Checkpoints))

		require.NoError(t, victim.Resume(t.Context(), job.ID))
		receive(t, begun)
		cancel() // its process dies there
		expireLeases(t, db)
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s = ended(t, eng, job.ID)
		close(hold)
		require.NoError(t, receive(t, done))
		assert.Contains(t, s.Error, "interrupted")
		assert.JSONEq(t, `{"step":"copy","value":2}`, string(s.Checkpoints))

		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Equal(t, "copy false undo from 0 undo from 1 undo from 2", log.read())
		assert.Nil(t, s.Checkpoints)
		assert.Equal(t, model.StepUndone, s.Steps[0].Status)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
		assert.Equal(t, "copy false", log.read())
	})
}
