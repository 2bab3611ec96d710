package engine_test

import (
	"context"
	"fmt"
	"iter"
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
func showsLeft(t *testing.T, s *model.JobView, want time.Duration, by progress.ETASource) {
	t.Helper()
	require.NotNil(t, s.RemainingMS)
	assert.InDelta(t, want, time.Duration(*s.RemainingMS)*time.Millisecond, float64(1100*time.Millisecond), "at %d %%", s.Percent)
	assert.Equal(t, string(by), s.RemainingSource)
}

// shows checks how much time a run's job shows to be left, as earlier jobs took.
func shows(t *testing.T, eng *engine.Engine, run *steps.Run[input], want time.Duration) {
	t.Helper()
	s, err := eng.Status(t.Context(), run.Job().ID)
	require.NoError(t, err)
	showsLeft(t, s, want, progress.SourceHistory)
}

// twice runs two jobs of a definition, with 1 and 2 as their inputs, the second as
// soon as the first has ended, on an engine with the default settings.
func twice(t *testing.T, eng **engine.Engine, d steps.Handler) {
	t.Helper()
	*eng = newEngine(t, testutil.NewHarness(t, d).DB(), engine.Config{Logger: quiet()}, d)
	start(t, *eng)
	for n := range 2 {
		s := ended(t, *eng, enqueue(t, *eng, input{N: n + 1}).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
	}
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
			if _, err := run.LastCheckpoint(&done); err != nil {
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

// If the step takes longer, it still shows some time left. The second job follows the first
// at once, and its engine writes its heartbeats meanwhile.
func TestASilentStepIsEstimatedByWhatTheLastJobTook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var eng *engine.Engine
		d := steps.Define[input]()
		steps.Do(d, "work", func(_ context.Context, run *steps.Run[input]) error {
			second := run.Input().N == 2
			for left := 14; left > 0; left-- {
				if second && left <= 12 { // it takes a second until history is looked for
					shows(t, eng, run, time.Duration(left)*time.Second)
				}
				time.Sleep(time.Second)
			}
			if second { // longer than ever
				time.Sleep(5 * time.Second)
				s, err := eng.Status(t.Context(), run.Job().ID)
				require.NoError(t, err)
				require.NotNil(t, s.RemainingMS)
				assert.Positive(t, *s.RemainingMS)
				assert.Less(t, *s.RemainingMS, int64(5000))
				assert.Equal(t, string(progress.SourceHistory), s.RemainingSource)
			}
			return nil
		})
		twice(t, &eng, d)
	})
}

// A step stalls when it is silent for much longer than in earlier jobs, and for two minutes
// if there are none. Nothing is known then of the time that is left.
func TestAStepThatStallsIsShownUntilItContinues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h *testutil.Harness
		shows := func(stalled bool) {
			s := h.Status()
			assert.Equal(t, stalled, s.Stalled)
			assert.Equal(t, stalled, !s.Steps[0].StalledAt.IsZero())
			assert.Equal(t, stalled, s.RemainingMS == nil)
			if stalled {
				assert.Empty(t, s.RemainingSource)
			}
		}
		before, more := 116*time.Second, 6*time.Second // nothing is known of the first job
		d := steps.Define[input]()
		steps.Do(d, "work", func(_ context.Context, run *steps.Run[input]) error {
			for n := range 20 {
				time.Sleep(time.Second)
				run.Progress(n+1, 20, "")
			}
			time.Sleep(2 * time.Second)
			shows(false)
			time.Sleep(before)
			shows(false)
			time.Sleep(more)
			shows(true)
			run.Progress(0, 0, "there it is")
			time.Sleep(2500 * time.Millisecond)
			s := h.Status()
			assert.False(t, s.Stalled)
			assert.True(t, s.Steps[0].StalledAt.IsZero())
			return nil
		})
		steps.Do(d, "quick", func(context.Context, *steps.Run[input]) error { time.Sleep(time.Second); return nil })
		h = testutil.NewHarness(t, d)
		h.Enqueue(input{})
		s := h.Run()
		require.Equal(t, model.Succeeded, s.Status)
		assert.Zero(t, s.Steps[0].StalledAt)
		assert.InDelta(t, 20, s.Steps[0].Size, 0)

		before, more = 5*before, 60*time.Second // five times as long as the first one was silent
		h.Enqueue(input{})
		require.Equal(t, model.Succeeded, h.Run().Status)
	})
}

// The items of a step are its size, and its estimate goes by them as soon as they are known.
func TestTheSizeOfAStepDecidesHowLongItTakes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h *testutil.Harness
		var at []int64
		var last *model.JobView
		d := steps.Define[input]()
		steps.Do(d, "declared", func(_ context.Context, run *steps.Run[input]) error {
			time.Sleep(3 * time.Second) // it takes a second until history is looked for
			if s := h.Status(); s.RemainingMS != nil && s.RemainingSource == string(progress.SourceHistory) {
				at, last = append(at, *s.RemainingMS/1000), s
			}
			time.Sleep(time.Duration(run.Input().N) * time.Second)
			return nil
		}, steps.Size(func(in input) float64 { return float64(3 + in.N) }))
		steps.Do(d, "items", func(ctx context.Context, run *steps.Run[input]) error {
			items := make([]int, run.Input().N)
			_, err := steps.Each(ctx, run, func(skip int) iter.Seq2[int, error] {
				return func(yield func(int, error) bool) {
					for _, item := range items[skip:] {
						if !yield(item, nil) {
							return
						}
					}
				}
			}, func(context.Context, int) error { time.Sleep(time.Second); return nil }, steps.Total(len(items)))
			return err
		})
		h = testutil.NewHarness(t, d)
		for _, n := range []int{10, 20, 40, 300} {
			h.Enqueue(input{N: n})
			s := h.Run()
			require.Equal(t, model.Succeeded, s.Status)
			assert.Equal(t, []float64{float64(3 + n), float64(n)}, []float64{s.Steps[0].Size, s.Steps[1].Size})
		}
		require.Len(t, at, 3)
		require.NotNil(t, last.RemainingP90MS, "three jobs are before it")
		assert.Greater(t, *last.RemainingP90MS, *last.RemainingMS)
		assert.Less(t, *last.RemainingP90MS, int64(2*600_000))
		assert.Regexp(t, `^\d+-\d+ min$`, last.Remaining)
		assert.InEpsilon(t, 600, at[2], 0.15) // the time of the second step is known by the size of the first
	})
}

func TestAGroupIsEstimatedByItsLongestMember(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]time.Duration{0: 8 * time.Second, 1: 24 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			var h *testutil.Harness
			second := false
			d := steps.Define[input]()
			group := steps.Parallel(d, "together", steps.MaxParallel(limit))
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
		const between = 500 * time.Millisecond // two of the times at which an engine writes
		var h *testutil.Harness
		d := steps.Define[input]()
		steps.Do(d, "work", func(_ context.Context, run *steps.Run[input]) error {
			run.Report(progress.Update{Fraction: 0.25, Message: "a 100 % sure", Remaining: 40 * time.Second})
			time.Sleep(10*time.Second + between)
			s := h.Status()
			showsLeft(t, s, 30*time.Second, progress.SourceReported)
			assert.Equal(t, 25, s.Percent)
			assert.Equal(t, "a 100 % sure", s.Message)

			run.Report(progress.Update{Fraction: 0.5, Phase: "halves", Source: progress.SourceUnknown})
			time.Sleep(2 * time.Second)
			s = h.Status()
			showsLeft(t, s, 8500*time.Millisecond, progress.SourceObserved) // the second half, less two seconds
			assert.Equal(t, 50, s.Percent)
			assert.Equal(t, "halves", s.Message)

			run.Progress(0, 0, "%s", "") // says nothing
			run.Report(progress.Update{Fraction: 0.6, Remaining: time.Hour, Source: progress.SourceObserved})
			time.Sleep(2 * time.Second)
			s = h.Status()
			showsLeft(t, s, 6500*time.Millisecond, progress.SourceObserved)
			assert.Equal(t, 60, s.Percent)
			assert.Equal(t, "halves", s.Message)
			return nil
		})
		h = testutil.NewHarness(t, d)
		h.Enqueue(input{})
		require.Equal(t, model.Succeeded, h.Run().Status)
	})
}

// count has a step count to a hundred, a tenth of a second each, from its checkpoint on.
func count(ctx context.Context, run *steps.Run[input], at func(done int) error) error {
	const all = 100
	done := 0
	if _, err := run.LastCheckpoint(&done); err != nil {
		return err
	}
	for ; done < all; done++ {
		if err := run.Checkpoint(ctx, done); err != nil {
			return err
		}
		run.Progress(done, all, "")
		if err := at(done); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

// Whatever else there is beside the step, and becomes of the plan meanwhile.
func TestWhatACheckpointHasDoneIsNoneOfThisRunsSpeed(t *testing.T) {
	t.Parallel()
	var h *testutil.Harness
	counts := func(failAt int) func(context.Context, *steps.Run[input]) error {
		return func(ctx context.Context, run *steps.Run[input]) error {
			return count(ctx, run, func(done int) error {
				switch resumed := run.Job().Resumptions > 0; {
				case done == failAt && !resumed:
					return errBoom
				case done == failAt+15 && resumed:
					showsLeft(t, h.Status(), time.Duration(100-done)*100*time.Millisecond, progress.SourceObserved)
				}
				return nil
			})
		}
	}
	before := func(d *steps.Definition[input]) { steps.Do(d, "before", nothing) }
	for name, c := range map[string]struct {
		first, second func(d *steps.Definition[input])
	}{
		"beside a member that begins again": {first: func(d *steps.Definition[input]) {
			group := steps.Parallel(d, "both")
			steps.Do(group, "counts", counts(10), steps.Weight(1000))
			steps.Do(group, "waits", func(ctx context.Context, run *steps.Run[input]) error {
				if run.Job().Resumptions > 0 {
					return nil
				}
				run.Progress(9, 10, "")
				<-ctx.Done()
				return ctx.Err()
			})
		}},
		"before steps that are new": {
			first: func(d *steps.Definition[input]) { before(d); steps.Do(d, "counts", counts(10)) },
			second: func(d *steps.Definition[input]) {
				before(d)
				steps.Do(d, "counts", counts(10), steps.Weight(1000))
				steps.Do(d, "new", nothing)
			},
		},
		"after what is done again": {first: func(d *steps.Definition[input]) {
			steps.Do(d, "undone", nothing, steps.Undo(func(context.Context, *steps.Run[input], steps.None) error { return nil }))
			steps.Do(d, "counts", counts(60), steps.Weight(1000))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := steps.Define[input](steps.UndoOn(model.Failed))
				c.first(d)
				h = testutil.NewHarness(t, d)
				job := h.Enqueue(input{})
				require.Equal(t, model.Failed, h.Run().Status)
				if c.second != nil {
					d = steps.Define[input]()
					c.second(d)
					h = testutil.NewHarness(t, d, testutil.OnDB(h.DB()))
					h.Follow(job.ID)
				}
				h.Resume()
				s := h.Run()
				require.Equal(t, model.Succeeded, s.Status, s.Error)
			})
		})
	}
}

func TestAnotherAttemptIsEstimatedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var eng *engine.Engine
		d := steps.Define[input]()
		steps.Do(d, "work", func(_ context.Context, run *steps.Run[input]) error {
			if run.Input().N == 2 {
				if run.Attempt() == 1 {
					run.Report(progress.Update{Remaining: 5 * time.Minute})
					time.Sleep(9 * time.Second)
					return errBoom
				}
				time.Sleep(2 * time.Second)
				shows(t, eng, run, 8*time.Second)
				time.Sleep(8 * time.Second)
				return nil
			}
			time.Sleep(10 * time.Second)
			return nil
		}, steps.Retry(2, time.Second))
		twice(t, &eng, d)
	})
}

// If a condition is never met, the step takes no time.
func TestAStepThatIsAlwaysSkippedPreventsNoEstimate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var eng *engine.Engine
		d := steps.Define[input]()
		steps.Do(d, "work", func(_ context.Context, run *steps.Run[input]) error {
			time.Sleep(4 * time.Second)
			if run.Input().N == 2 {
				shows(t, eng, run, 6*time.Second)
			}
			time.Sleep(6 * time.Second)
			return nil
		})
		steps.Do(d, "never", nothing, steps.When(func(*steps.Run[input]) bool { return false }, ""))
		twice(t, &eng, d)
	})
}

func TestAJobThatIsUndoneOrHasEndedShowsNoTimeThatIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h *testutil.Harness
		none := func(s *model.JobView) {
			assert.Nil(t, s.RemainingMS)
			row, err := h.Engine().Job(t.Context(), s.ID)
			require.NoError(t, err)
			assert.Nil(t, row.TimeToCompleteMS)
			assert.Empty(t, row.TimeToCompleteSource)
		}
		d := steps.Define[input](steps.UndoOn(model.Failed))
		steps.Do(d, "first", nothing, steps.Undo(func(_ context.Context, run *steps.Run[input], _ steps.None) error {
			run.Report(progress.Update{Message: "going back", Remaining: 4 * time.Second})
			time.Sleep(2 * time.Second)
			none(h.Status())
			assert.Equal(t, "going back", h.Status().Message)
			return nil
		}))
		steps.Do(d, "fails", func(_ context.Context, run *steps.Run[input]) error {
			run.Report(progress.Update{Remaining: time.Hour})
			time.Sleep(2 * time.Second)
			if run.Job().Resumptions == 0 {
				assert.NotNil(t, h.Status().RemainingMS)
			}
			return errBoom
		})
		steps.Do(d, "never", nothing)
		h = testutil.NewHarness(t, d)
		h.Enqueue(input{})
		none(h.Run())

		h.Resume()
		none(h.Kill(testutil.AtProgress("fails", 1)))
	})
}

func TestLearnedWeightsAreTheTimesOfTheLastJobsAndStayForAJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h *testutil.Harness
		fail := false
		var percent int
		d := steps.Define[input](steps.LearnWeights())
		steps.Do(d, "long", func(context.Context, *steps.Run[input]) error { time.Sleep(90 * time.Second); return nil })
		steps.Do(d, "short", func(_ context.Context, run *steps.Run[input]) error {
			time.Sleep(2 * time.Second)
			percent = h.Status().Percent
			time.Sleep(4 * time.Second)
			if fail && run.Job().Resumptions == 0 {
				return errBoom
			}
			return nil
		}, steps.Weight(8))
		group := steps.Parallel(d, "both")
		for _, name := range []string{"a", "b"} {
			steps.Do(group, name, func(context.Context, *steps.Run[input]) error { time.Sleep(4 * time.Second); return nil })
		}
		h = testutil.NewHarness(t, d)
		weights := func(s *model.JobView) (all []float64) {
			for _, step := range s.Steps {
				all = append(all, step.Weight)
			}
			return all
		}
		h.Enqueue(input{})
		s := h.Run()
		require.Equal(t, model.Succeeded, s.Status)
		assert.Equal(t, []float64{1, 8, 1, 1}, weights(s))
		assert.Equal(t, 9, percent)

		fail = true
		h.Enqueue(input{})
		s = h.Run()
		require.Equal(t, model.Failed, s.Status)
		learned := weights(s)
		for i, want := range []float64{0.9, 0.06, 0.02, 0.02} {
			assert.InDelta(t, 11*want, learned[i], 0.05)
		}
		assert.Equal(t, 90, percent)
		h.Resume()
		s = h.Run()
		require.Equal(t, model.Succeeded, s.Status)
		assert.Equal(t, learned, weights(s))
	})
}
