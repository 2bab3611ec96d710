package engine_test

import (
	"context"
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
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// payment is a definition whose second step must not happen twice unnoticed.
func payment(paid *atomic.Int32, defined []steps.DefineOption, opts ...steps.Option) *steps.Definition[input] {
	d := steps.Define[input](defined...)
	steps.Do(d, "first", func(context.Context, *steps.Run[input]) error { return nil })
	pay := steps.Add(d, "pay", func(ctx context.Context, _ *steps.Run[input]) (string, error) {
		if err := context.Cause(ctx); err != nil {
			return "", err
		}
		return fmt.Sprint("receipt ", paid.Add(1)), nil
	}, opts...)
	steps.Add(d, "last", func(_ context.Context, run *steps.Run[input]) (string, error) { return "paid: " + pay.Output(run), nil })
	return d
}

func crashes(n int) []steps.DefineOption { return []steps.DefineOption{steps.ResumeOnCrash(n)} }

func TestAJobContinuesByItselfAfterSoManyCrashesAndNoMore(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var paid atomic.Int32
		h := testutil.NewHarness(t, payment(&paid, crashes(2)), testutil.OnDB(db))
		h.Enqueue(input{})
		// The first one is in the first step, before which nothing is recorded.
		for n, at := range []testutil.Moment{testutil.BeforeRecord("first"), testutil.BeforeRecord("pay")} {
			s := h.Kill(at)
			assert.Equal(t, model.Scheduled, s.Status)
			assert.Equal(t, n+1, s.Crashes)
			assert.Empty(t, s.Error)
		}
		s := h.Kill(testutil.BeforeRecord("pay"))
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "interrupted")
		assert.Contains(t, s.Error, "it has been resumed automatically 2 times")
		assert.Equal(t, []int{2, 2}, []int{s.Steps[0].Attempts, s.Steps[1].Attempts}, "a crash costs an attempt")
		assert.Zero(t, s.Resumptions)

		h.Resume()
		assert.Zero(t, h.Status().Crashes, "a person's resume resets the count")
		assert.Equal(t, model.Scheduled, h.Kill(testutil.BeforeStep("pay")).Status)
		s = h.Run()
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `"paid: receipt 3"`, string(s.Result))
	})
}

// stalled starts an engine whose job hangs in a step, and makes its lease expire. It
// returns the job.
func stalled(t *testing.T, db *bun.DB, d func(hold func()) *steps.Definition[input]) uuid.UUID {
	t.Helper()
	begun, release := make(chan struct{}, 1), make(chan struct{})
	eng := newEngine(t, db, config(), d(func() {
		select {
		case begun <- struct{}{}:
		default: // another step of the job, or a later run of it
		}
		<-release
	}))
	start(t, eng)
	t.Cleanup(func() { close(release) }) // before the engine is stopped
	job := enqueue(t, eng, input{})
	receive(t, begun)
	expireBefore(t, db, job.ID, time.Second)
	return job.ID
}

func TestAnyEngineReschedulesACrashedJobAlsoWithoutItsDefinition(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		id := stalled(t, db, func(hold func()) *steps.Definition[input] {
			d := steps.Define[input](steps.ResumeOnCrash(1))
			steps.Do(d, "only", func(context.Context, *steps.Run[input]) error { hold(); return nil })
			return d
		})
		expire(t, db, id)
		other := steps.Define[input](steps.Type("another:type"))
		steps.Do(other, "only", func(context.Context, *steps.Run[input]) error { return nil })
		eng := newEngine(t, db, config(), other)
		start(t, eng)
		s := until(t, eng, id, func(s *model.JobView) bool { return s.Status != model.Processing })
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Equal(t, 1, s.Crashes)
		assert.Equal(t, model.StepInterrupted, s.Steps[0].Status)
		assert.Equal(t, 1, s.Steps[0].Attempts)
	})
}

// The process dies while the job's context is made: nothing is recorded yet.
func TestAJobContinuesWhoseProcessDiedBeforeItsFirstStep(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, release := make(chan struct{}, 1), make(chan struct{})
		d := steps.Define[input](steps.ResumeOnCrash(1))
		steps.Do(d, "only", func(context.Context, *steps.Run[input]) error { return nil })
		victim, err := engine.New(db, config())
		require.NoError(t, err)
		require.NoError(t, victim.Register(d, engine.ContextFunc(func(ctx context.Context, _ *model.Job) (context.Context, error) {
			begun <- struct{}{}
			<-release
			return ctx, nil
		})))
		start(t, victim)
		t.Cleanup(func() { close(release) })
		job := enqueue(t, victim, input{})
		receive(t, begun)
		expire(t, db, job.ID)
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, 1, s.Crashes, s.Error)
	})
}

func TestACancelledJobDoesNotContinueAfterACrash(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		id := stalled(t, db, func(hold func()) *steps.Definition[input] {
			d := steps.Define[input](steps.ResumeOnCrash(5))
			steps.Do(d, "only", func(context.Context, *steps.Run[input]) error { hold(); return nil })
			return d
		})
		eng := newEngine(t, db, config(), three())
		require.NoError(t, eng.Cancel(t.Context(), id, "ann", ""))
		s := ended(t, eng, id)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Zero(t, s.Crashes)
	})
}

func TestAStepThatStopsOnACrashIsDecidedByAPerson(t *testing.T) {
	t.Parallel()
	for way, want := range map[string]struct {
		opt    engine.ResumeOption
		result string
		status model.StepStatus
		paid   int32
	}{
		"rerun": {engine.RerunFrom("pay"), `"paid: receipt 2"`, model.StepCompleted, 2},
		"skip":  {engine.SkipStep("pay"), `"paid: "`, model.StepSkipped, 1},
	} {
		t.Run(way, func(t *testing.T) {
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				var paid atomic.Int32
				h := testutil.NewHarness(t, payment(&paid, crashes(3), steps.StopOnCrash()), testutil.OnDB(db))
				id := h.Enqueue(input{}).ID
				s := h.Kill(testutil.BeforeRecord("pay"))
				assert.Equal(t, model.Failed, s.Status, "whatever ResumeOnCrash says")
				assert.Zero(t, s.Crashes, "whatever ResumeOnCrash says")
				assert.Contains(t, s.Error, `in the middle of step "pay"`)
				assert.Equal(t, []string{"pay"}, s.InDoubt)
				before := h.Records()

				err := h.Engine().Resume(t.Context(), id)
				require.ErrorIs(t, err, engine.ErrInvalid)
				var inDoubt *engine.InDoubtError
				require.ErrorAs(t, err, &inDoubt)
				assert.Equal(t, "pay", inDoubt.Step)
				assert.ErrorContains(t, err, `RerunFrom("pay")`)
				assert.ErrorContains(t, err, `SkipStep("pay")`)
				_, err = h.Engine().DryRun(t.Context(), id)
				assert.ErrorContains(t, err, `RerunFrom("pay")`)
				for _, wrong := range []engine.ResumeOption{engine.SkipStep("first"), engine.SkipStep("last"), engine.SkipStep("nope"), engine.RerunFrom("nope"), engine.RerunFrom("")} {
					assert.ErrorIs(t, h.Engine().Resume(t.Context(), id, wrong), engine.ErrInvalid)
				}
				assert.Equal(t, model.Failed, h.Status().Status)
				assert.Equal(t, before, h.Records(), "nothing is written")

				require.NoError(t, h.Engine().Resume(t.Context(), id, want.opt))
				s = h.Run()
				require.Equal(t, model.Succeeded, s.Status, s.Error)
				assert.JSONEq(t, want.result, string(s.Result))
				assert.Equal(t, want.status, s.Steps[1].Status)
				assert.Equal(t, want.paid, paid.Load())
				assert.Empty(t, s.InDoubt)
			})
		})
	}
}

// The function of the step has returned: that is no crash, and is recorded.
func TestAHandOverOfAStepIsNoCrash(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var paid atomic.Int32
		h := testutil.NewHarness(t, payment(&paid, nil, steps.StopOnCrash()), testutil.OnDB(db))
		id := h.Enqueue(input{}).ID
		s := h.Stop(testutil.BeforeStep("pay"))
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Equal(t, model.StepInterrupted, s.Steps[1].Status)
		assert.Empty(t, s.InDoubt)
		require.NoError(t, h.Engine().Cancel(t.Context(), id, "", ""))
		h.Resume()
		assert.Equal(t, model.Succeeded, h.Run().Status)
		assert.EqualValues(t, 1, paid.Load())
	})
}

func TestAStepEndedByItsGroupIsNoCrash(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var healthy atomic.Bool
		begun := make(chan struct{}, 2)
		d := steps.Define[input]()
		group := steps.Parallel(d, "both")
		steps.Do(group, "fails", func(context.Context, *steps.Run[input]) error {
			if healthy.Load() {
				return nil
			}
			<-begun
			return errBoom
		})
		steps.Do(group, "pay", func(ctx context.Context, _ *steps.Run[input]) error {
			begun <- struct{}{}
			if !healthy.Load() {
				<-ctx.Done()
			}
			return ctx.Err()
		}, steps.StopOnCrash())
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.Equal(t, `step "fails": boom`, s.Error)
		assert.Equal(t, model.StepInterrupted, s.Steps[1].Status)
		assert.Equal(t, "another step of the group failed", s.Steps[1].Error)
		assert.Empty(t, s.InDoubt)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
	})
}

// Two members of a group were running: each is decided by itself.
func TestSeveralStepsOfAGroupAreDecidedTogether(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran [2]atomic.Int32
		definition := func(hold func()) *steps.Definition[input] {
			d := steps.Define[input]()
			group := steps.Parallel(d, "both")
			for i, name := range []string{"left", "right"} {
				steps.Do(group, name, func(context.Context, *steps.Run[input]) error { hold(); ran[i].Add(1); return nil }, steps.StopOnCrash())
			}
			return d
		}
		both := make(chan struct{}, 1)
		var n atomic.Int32
		id := stalled(t, db, func(hold func()) *steps.Definition[input] {
			return definition(func() {
				if n.Add(1) == 2 {
					close(both)
				}
				<-both
				hold()
			})
		})
		eng := newEngine(t, db, config(), definition(func() {}))
		err := eng.Resume(t.Context(), id, engine.SkipStep("left"))
		require.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, `RerunFrom("right")`)
		s, err := eng.Status(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, []string{"left", "right"}, s.InDoubt)
		require.NoError(t, eng.Resume(t.Context(), id, engine.RerunFrom("left"), engine.SkipStep("right")))
		s, err = eng.Status(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, []model.StepStatus{model.StepPending, model.StepSkipped}, []model.StepStatus{s.Steps[0].Status, s.Steps[1].Status})
	})
}

func TestWhetherAnEffectHappenedIsVerifiedAfterACrash(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		happened bool
		fails    int32
		result   string
		attempts int
		paid     int32
	}{
		"it happened":           {true, 0, `"paid: receipt 1 found"`, 1, 1},
		"it did not happen":     {false, 0, `"paid: receipt 2"`, 2, 2},
		"the check fails first": {true, 1, `"paid: receipt 1 found"`, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				var paid, asked atomic.Int32
				h := testutil.NewHarness(t, payment(&paid, nil, steps.Verify(func(context.Context, *steps.Run[input]) (string, bool, error) {
					if asked.Add(1) <= want.fails {
						return "", false, errBoom
					}
					return fmt.Sprint("receipt ", paid.Load(), " found"), want.happened, nil
				})), testutil.OnDB(db))
				h.Enqueue(input{})
				require.Equal(t, model.Failed, h.Kill(testutil.BeforeRecord("pay")).Status)
				for range want.fails {
					h.Resume()
					s := h.Run()
					assert.Equal(t, model.Failed, s.Status)
					assert.Equal(t, `step "pay": verify whether its effect happened: boom`, s.Error)
				}
				h.Resume()
				s := h.Run()
				require.Equal(t, model.Succeeded, s.Status, s.Error)
				assert.JSONEq(t, want.result, string(s.Result))
				assert.Equal(t, model.StepCompleted, s.Steps[1].Status)
				assert.Equal(t, want.attempts, s.Steps[1].Attempts)
				assert.Equal(t, want.paid, paid.Load())
				assert.Equal(t, want.fails+1, asked.Load())
			})
		})
	}
}

func TestVerifyIsNotCalledForAStepThatHasFailed(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var asked, ran atomic.Int32
		d := flaky(1, &ran, steps.Retry(2, time.Millisecond), steps.Verify(func(context.Context, *steps.Run[input]) (int, bool, error) {
			asked.Add(1)
			return 0, true, nil
		}))
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		assert.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, input{}).ID).Status)
		assert.Zero(t, asked.Load())
		assert.EqualValues(t, 2, ran.Load())
	})
}

// A last step that is verified ends the job with its output.
func TestAVerifiedLastStepEndsTheJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input](steps.ResumeOnCrash(1))
		steps.Add(d, "only", func(context.Context, *steps.Run[input]) (string, error) { return "ran", nil },
			steps.Verify(func(context.Context, *steps.Run[input]) (string, bool, error) { return "found", true, nil }))
		h := testutil.NewHarness(t, d, testutil.OnDB(db))
		h.Enqueue(input{})
		s := h.Kill(testutil.BeforeRecord("only"))
		if s.Status == model.Scheduled { // the engine that settled it may have continued it
			s = h.Run()
		}
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `"found"`, string(s.Result))
	})
}

// The begin of an attempt is recorded before it runs, if something depends on that record:
// also for a first step.
func TestTheBeginOfAnAttemptIsRecordedBeforeItRuns(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for name, d := range map[string]func(func(context.Context, *steps.Run[input]) error) *steps.Definition[input]{
			"retry": func(check func(context.Context, *steps.Run[input]) error) *steps.Definition[input] {
				d := steps.Define[input]()
				steps.Do(d, "only", check, steps.Retry(3, time.Millisecond))
				return d
			},
			"resume": func(check func(context.Context, *steps.Run[input]) error) *steps.Definition[input] {
				d := steps.Define[input](steps.ResumeOnCrash(1))
				steps.Do(d, "only", check)
				return d
			},
			"stop": func(check func(context.Context, *steps.Run[input]) error) *steps.Definition[input] {
				d := steps.Define[input]()
				steps.Do(d, "only", check, steps.StopOnCrash())
				return d
			},
		} {
			var eng *engine.Engine
			eng = newEngine(t, db, config(), d(func(ctx context.Context, run *steps.Run[input]) error {
				r := record(t, eng, run.Job().ID, 0)
				assert.Equal(t, model.StepRunning, r.Status, name)
				assert.Equal(t, run.Attempt(), r.Attempts, name)
				assert.Equal(t, run.Attempt()-1, r.Failures, name)
				if name == "retry" && run.Attempt() < 3 {
					return errBoom
				}
				return nil
			}))
			stop := start(t, eng)
			assert.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, input{}).ID).Status, name)
			stop()
		}
	})
}
