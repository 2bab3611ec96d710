package engine_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// showsLeft checks how much time a job shows to be left: what it shows was written a
// second before at most.
func showsLeft(t *testing.T, s *model.JobStatus, want time.Duration, by progress.ETASource) {
	t.Helper()
	require.NotNil(t, s.RemainingMS)
	assert.InDelta(t, want, time.Duration(*s.RemainingMS)*time.Millisecond, float64(1100*time.Millisecond), "at %d %%", s.Percent)
	assert.Equal(t, string(by), s.RemainingBy)
}

// changing is an argument that is not the same later on.
type changing struct{ text string }

func (c *changing) String() string { return c.text }

func TestWhatAStepHasSaidLastIsShownHoweverSoonItCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h *testutil.Harness
		shows := func(want string) {
			time.Sleep(3 * time.Second)
			assert.Equal(t, want, h.Status().Message)
		}
		d := steps.Define[input]()
		steps.Do(d, "work", func(_ context.Context, run *steps.Run[input]) error {
			run.Progress(0, 0, "connecting")
			run.Progress(0, 0, "importing %s, part %d of %.1f", "the large file", 1, 2.5)
			shows("importing the large file, part 1 of 2.5")
			c := &changing{"before"}
			run.Progress(0, 0, "connecting")
			run.Progress(1, 2, "%v, %d", c, 7)
			c.text = "after"
			shows("before, 7")
			run.Progress(1, 1, "")
			shows("before, 7")
			args := []any{1}
			run.Progress(1, 1, "%d %%", args...)
			args[0] = 2
			shows("1 %")
			return nil
		})
		h = testutil.NewHarness(t, d)
		h.Enqueue(input{})
		require.Equal(t, model.Succeeded, h.Run().Status)
	})
}

func TestAStepThatGoesOnFromItsCheckpointIsEstimatedByItsSpeedSince(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const items, each = 200, 100 * time.Millisecond
		var h *testutil.Harness
		d := steps.Define[input]()
		steps.Do(d, "before", nothing)
		steps.Do(d, "work", func(ctx context.Context, run *steps.Run[input]) error {
			done := 0
			if _, err := run.Resume(&done); err != nil {
				return err
			}
			for ; done < items; done++ {
				if err := run.Checkpoint(ctx, done); err != nil {
					return err
				}
				run.Progress(done, items, "")
				switch resumed := run.Job().Resumptions > 0; {
				case done == 100 && !resumed:
					return errBoom
				case done == 125, done == 165:
					showsLeft(t, h.Status(), (items-time.Duration(done))*each, progress.SourceObserved)
				}
				time.Sleep(each)
			}
			return nil
		}, steps.Weight(20))
		h = testutil.NewHarness(t, d)
		h.Enqueue(input{})
		require.Equal(t, model.Failed, h.Run().Status)
		h.Resume()
		require.Equal(t, model.Succeeded, h.Run().Status)
	})
}

// The second job follows the first at once, and its engine writes its heartbeats
// meanwhile.
func TestASilentStepIsEstimatedByWhatTheLastJobTook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var eng *engine.Engine
		shows := func(run *steps.Run[input], want time.Duration) {
			s, err := eng.Status(t.Context(), run.Job().ID)
			require.NoError(t, err)
			showsLeft(t, s, want, progress.SourceHistory)
		}
		d := steps.Define[input]()
		steps.Do(d, "work", func(_ context.Context, run *steps.Run[input]) error {
			second := run.Input().N == 2
			for left := 14; left > 0; left-- {
				if second && left <= 12 { // it takes a second until history is looked for
					shows(run, time.Duration(left)*time.Second)
				}
				time.Sleep(time.Second)
			}
			if second { // longer than ever
				time.Sleep(5 * time.Second)
				shows(run, 0)
			}
			return nil
		})
		eng = newEngine(t, testutil.NewHarness(t, d).DB(), engine.Config{Logger: quiet()}, d)
		start(t, eng)
		for n := range 2 {
			require.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, input{N: n + 1}).ID).Status)
		}
	})
}

func TestAGroupIsEstimatedByItsLongestMember(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]time.Duration{0: 8 * time.Second, 1: 24 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var h *testutil.Harness
			second := false
			d := steps.Define[input]()
			group := steps.Parallel(d, "together", steps.Limit(limit))
			for n := range 3 {
				steps.Do(group, fmt.Sprint("member-", n), func(context.Context, *steps.Run[input]) error {
					time.Sleep(3 * time.Second)
					if second && n == 0 {
						showsLeft(t, h.Status(), want-3*time.Second, progress.SourceHistory)
					}
					time.Sleep(5 * time.Second)
					return nil
				})
			}
			h = testutil.NewHarness(t, d)
			h.Enqueue(input{})
			require.Equal(t, model.Succeeded, h.Run().Status)
			second = true
			h.Enqueue(input{})
			require.Equal(t, model.Succeeded, h.Run().Status)
		})
	}
}

func TestAStepReportsHowLongItWillStillTake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h *testutil.Harness
		d := steps.Define[input]()
		steps.Do(d, "work", func(_ context.Context, run *steps.Run[input]) error {
			run.Report(progress.Update{Fraction: 0.25, Message: "a 100 % sure", Remaining: 40 * time.Second})
			time.Sleep(10 * time.Second)
			s := h.Status()
			showsLeft(t, s, 30*time.Second, progress.SourceReported)
			assert.Equal(t, []any{25, "a 100 % sure"}, []any{s.Percent, s.Message})

			run.Report(progress.Update{Fraction: 0.5, Phase: "halves", Source: progress.SourceUnknown})
			time.Sleep(10 * time.Second)
			s = h.Status()
			showsLeft(t, s, 20*time.Second, progress.SourceReported)
			assert.Equal(t, []any{50, "halves"}, []any{s.Percent, s.Message})

			run.Report(progress.Update{Fraction: 0.6, Source: progress.SourceObserved}) // nothing is left
			time.Sleep(2 * time.Second)
			s = h.Status()
			showsLeft(t, s, 0, progress.SourceReported)
			assert.Equal(t, []any{60, "halves"}, []any{s.Percent, s.Message})
			return nil
		})
		h = testutil.NewHarness(t, d)
		h.Enqueue(input{})
		require.Equal(t, model.Succeeded, h.Run().Status)
	})
}
