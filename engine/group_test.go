package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestAGroupRunsItsMembersTogetherUpToItsLimit(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, release := make(chan string), make(chan struct{})
		var running, most atomic.Int32
		d := steps.Define[input]()
		before := steps.Add(d, "before", func(context.Context, *steps.Run[input]) (int, error) { return 7, nil })
		group := steps.Parallel(d, "together", steps.MaxParallel(2))
		var first *steps.Step[input, int]
		for n := range 4 {
			step := steps.Add(group, fmt.Sprint("member-", n), func(_ context.Context, run *steps.Run[input]) (int, error) {
				now := running.Add(1)
				for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
				}
				begun <- run.StepName()
				<-release
				running.Add(-1)
				return before.Output(run) + first.Output(run), nil
			}, steps.Weight(float64(n+1)))
			if first == nil {
				first = step
			}
		}
		steps.Add(d, "after", func(_ context.Context, run *steps.Run[input]) (int, error) { return first.Output(run) + 1, nil })
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		assert.ElementsMatch(t, []string{"member-0", "member-1"}, []string{receive(t, begun), receive(t, begun)})
		release <- struct{}{}
		receive(t, begun)
		s := until(t, eng, job.ID, func(s *model.JobView) bool { return s.StepsCompleted == 2 })
		assert.Equal(t, "together", s.Steps[1].Group)
		close(release)
		receive(t, begun)
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.EqualValues(t, 2, most.Load())
		assert.JSONEq(t, "8", string(s.Result))
		for _, step := range s.Steps[1:5] {
			assert.JSONEq(t, "7", string(step.Output), "a member does not read another's output, whichever was first")
		}
		assert.Equal(t, 1.0, s.Progress)
	})
}

// pair is a group of one member that fails and others that wait for that.
func pair(healthy *atomic.Bool, ran *[3]atomic.Int32, other func(ctx context.Context) error, opts ...steps.GroupOption) *steps.Definition[input] {
	d := steps.Define[input]()
	group := steps.Parallel(d, "pair", opts...)
	begun := make(chan struct{}, 9)
	steps.Do(group, "other", func(ctx context.Context, _ *steps.Run[input]) error {
		ran[0].Add(1)
		begun <- struct{}{}
		if healthy.Load() {
			return nil
		}
		return other(ctx)
	})
	steps.Do(group, "fails", func(context.Context, *steps.Run[input]) error {
		ran[1].Add(1)
		if healthy.Load() {
			return nil
		}
		<-begun
		return errBoom
	})
	steps.Do(group, "third", func(context.Context, *steps.Run[input]) error { ran[2].Add(1); return nil })
	return d
}

func counts(ran *[3]atomic.Int32) []int32 {
	return []int32{ran[0].Load(), ran[1].Load(), ran[2].Load()}
}

func TestAFailedMemberEndsTheOthersAndAResumeRunsThoseThatAreNotDone(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var healthy atomic.Bool
		var ran [3]atomic.Int32
		causes := make(chan error, 1)
		eng := newEngine(t, db, config(), pair(&healthy, &ran, func(ctx context.Context) error {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		}, steps.MaxParallel(2)))
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "fails": boom`, s.Error)
		assert.Equal(t, "fails", s.CurrentStep, "of the members that a resume runs, the one that has failed")
		require.ErrorIs(t, receive(t, causes), steps.ErrGroupFailed)
		assert.Equal(t, model.StepInterrupted, s.Steps[0].Status)
		assert.Contains(t, s.Steps[0].Error, steps.ErrGroupFailed.Error())
		assert.Equal(t, []model.StepStatus{model.StepFailed, model.StepPending}, []model.StepStatus{s.Steps[1].Status, s.Steps[2].Status})
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, []int32{2, 2, 1}, counts(&ran))
	})
}

func TestAGroupThatLetsItsMembersFinishDoes(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var healthy atomic.Bool
		var ran [3]atomic.Int32
		var eng *engine.Engine
		var job *model.Job
		d := pair(&healthy, &ran, func(ctx context.Context) error {
			for { // until all members see the failure
				s, err := eng.Status(ctx, job.ID)
				if err != nil {
					return err
				}
				if statusOf(s, 1) == model.StepFailed {
					return ctx.Err()
				}
				<-time.After(5 * time.Millisecond)
			}
		}, steps.LetFinish())
		eng = newEngine(t, db, config(), d)
		job = enqueue(t, eng, input{})
		start(t, eng)
		s := ended(t, eng, job.ID)
		assert.Equal(t, `step "fails": boom`, s.Error)
		assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepFailed, model.StepCompleted},
			[]model.StepStatus{s.Steps[0].Status, s.Steps[1].Status, s.Steps[2].Status})
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, []int32{1, 2, 1}, counts(&ran), "those that finished do not run again")
	})
}

// The process dies when one member is completed and two have checkpoints.
func TestAGroupContinuesAfterACrashInTheMiddle(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var h *testutil.Harness
		var done atomic.Int32
		resumed := make(chan int, 2)
		kept := make(chan struct{})
		checkpoints := func(ctx context.Context, run *steps.Run[input], n int, ready func() error) error {
			at := 0
			if found, err := run.LastCheckpoint(&at); err != nil || found {
				resumed <- at
				return err
			}
			if err := ready(); err != nil {
				return err
			}
			return run.Checkpoint(ctx, n)
		}
		d := steps.Define[input]()
		group := steps.Parallel(d, "three")
		steps.Do(group, "done", func(context.Context, *steps.Run[input]) error { done.Add(1); return nil })
		steps.Do(group, "x", func(ctx context.Context, run *steps.Run[input]) error {
			if err := checkpoints(ctx, run, 10, func() error { return nil }); err != nil || len(resumed) > 0 {
				return err
			}
			close(kept)
			<-ctx.Done()
			return ctx.Err()
		})
		steps.Do(group, "y", func(ctx context.Context, run *steps.Run[input]) error {
			return checkpoints(ctx, run, 20, func() error {
				<-kept
				for statusOf(h.Status(), 0) != model.StepCompleted {
					<-time.After(time.Millisecond)
				}
				return nil
			})
		})
		h = testutil.NewHarness(t, d, testutil.OnDB(db))
		h.Enqueue(input{})
		s := h.Kill(testutil.AtCheckpoint("y", 1))
		require.Equal(t, model.Failed, s.Status)
		assert.JSONEq(t, `[{"step":"x","value":10},{"step":"y","value":20}]`, string(s.Checkpoints))
		assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepInterrupted, model.StepInterrupted},
			[]model.StepStatus{s.Steps[0].Status, s.Steps[1].Status, s.Steps[2].Status})
		h.Resume()
		s = h.Run()
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.ElementsMatch(t, []int{10, 20}, []int{receive(t, resumed), receive(t, resumed)})
		assert.EqualValues(t, 1, done.Load())
		assert.Nil(t, s.Checkpoints)
	})
}

// One member learns of the stop at a checkpoint; the other gets the grace period.
func TestAStopInTheMiddleOfAGroupHandsItOver(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, stopping := make(chan struct{}, 2), make(chan struct{})
		var cut, stopped atomic.Bool
		var eng *engine.Engine
		d := steps.Define[input]()
		group := steps.Parallel(d, "two")
		steps.Do(group, "stopped", func(ctx context.Context, run *steps.Run[input]) error {
			if stopped.Load() {
				return nil
			}
			begun <- struct{}{}
			<-stopping
			for n := 0; ; n++ {
				if err := run.Checkpoint(ctx, n); err != nil {
					return err
				}
			}
		})
		steps.Do(group, "finishes", func(ctx context.Context, run *steps.Run[input]) error {
			begun <- struct{}{}
			<-stopping
			for {
				s, err := eng.Status(context.WithoutCancel(ctx), run.Job().ID)
				if err != nil {
					return err
				}
				if statusOf(s, 0) == model.StepInterrupted {
					cut.Store(ctx.Err() != nil)
					return nil
				}
				<-time.After(time.Millisecond)
			}
		})
		steps.Do(group, "later", nothing)
		cfg := config()
		cfg.Grace = patience
		eng = newEngine(t, db, cfg, d)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- eng.Run(ctx) }()
		job := enqueue(t, eng, input{})
		receive(t, begun)
		receive(t, begun)
		cancel()
		close(stopping)
		require.NoError(t, receive(t, ran))
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status, s.Error)
		assert.False(t, cut.Load(), "the other has its grace")
		assert.Equal(t, model.StepInterrupted, s.Steps[0].Status)
		assert.Zero(t, s.Steps[0].Attempts)
		assert.Equal(t, model.StepCompleted, s.Steps[1].Status)
		stopped.Store(true)
		start(t, newEngine(t, db, config(), d))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, 1, s.Steps[1].Attempts)
	})
}

func TestCancellingAGroupEndsAllItsMembers(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun := make(chan struct{}, 2)
		d := steps.Define[input]()
		group := steps.Parallel(d, "two", steps.LetFinish(), steps.MaxParallel(2))
		for n := range 3 {
			steps.Do(group, fmt.Sprint("member-", n), func(ctx context.Context, _ *steps.Run[input]) error {
				begun <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			})
		}
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		receive(t, begun)
		receive(t, begun)
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", ""))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Empty(t, s.Error)
		assert.Equal(t, []model.StepStatus{model.StepCancelled, model.StepCancelled, model.StepPending},
			[]model.StepStatus{s.Steps[0].Status, s.Steps[1].Status, s.Steps[2].Status})
	})
}

func TestMembersHaveConditionsAndRetriesOfTheirOwn(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		group := steps.Parallel(d, "mixed")
		steps.Do(group, "retried", func(_ context.Context, run *steps.Run[input]) error {
			if run.Attempt() < 3 {
				return errBoom
			}
			return nil
		}, steps.Retry(3, time.Millisecond))
		steps.Do(group, "skipped", func(context.Context, *steps.Run[input]) error { return errBoom },
			steps.When(func(run *steps.Run[input]) bool { return run.Input().N > 0 }, "there is none"))
		steps.Do(group, "plain", nothing)
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, 3, s.Steps[0].Attempts)
		assert.Equal(t, model.StepSkipped, s.Steps[1].Status)
		assert.Equal(t, "there is none", s.Steps[1].Error)
	})
}

func TestNoMemberBeginsOnceTheJobIsDeclaredSucceeded(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		d := steps.Define[input]()
		group := steps.Parallel(d, "one by one", steps.MaxParallel(1))
		steps.Do(group, "decides", func(ctx context.Context, run *steps.Run[input]) error {
			return eng.Succeed(ctx, run.Job().ID, "enough")
		})
		steps.Do(group, "needless", func(context.Context, *steps.Run[input]) error { return errBoom })
		steps.Do(d, "needless too", func(context.Context, *steps.Run[input]) error { return errBoom })
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, json.RawMessage(`"enough"`), s.Result)
		assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepSkipped, model.StepSkipped},
			[]model.StepStatus{s.Steps[0].Status, s.Steps[1].Status, s.Steps[2].Status})
	})
}

// statusOf returns a step's status, which is pending before the job's first write.
func statusOf(s *model.JobView, i int) model.StepStatus {
	if len(s.Steps) == 0 {
		return model.StepPending
	}
	return s.Steps[i].Status
}
