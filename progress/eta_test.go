package progress_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/progress"
)

func setupETA(t *testing.T, opts ...progress.Option) (*progress.Tracker, *clock) {
	t.Helper()
	c := newClock()
	return newTracker(t, report(), append(opts, progress.Clock(c.time))...), c
}

// assertETA checks the estimate with a tolerance of a microsecond, because it is
// computed in floating point.
func assertETA(t *testing.T, want time.Duration, source progress.ETASource, u progress.Update) {
	t.Helper()
	assert.Equal(t, source, u.Source)
	assert.InDelta(t, want, u.Remaining, float64(time.Microsecond))
}

var typical = map[string]time.Duration{"extract": 10 * time.Minute, "render": 4 * time.Minute, "deliver": time.Minute}

func TestHistoryGivesAnEstimateBeforeTheFirstPhase(t *testing.T) {
	t.Parallel()
	tracker, _ := setupETA(t, progress.History(typical))
	assertETA(t, 15*time.Minute, progress.SourceHistory, tracker.Snapshot())
}

func TestTheEstimateByHistoryAddsUpTheRestOfEachPhase(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t, progress.History(typical))
	require.NoError(t, tracker.Start("extract"))
	c.advance(time.Hour) // this run's own speed does not matter
	tracker.Set("extract", 0.3, "")
	assertETA(t, 12*time.Minute, progress.SourceHistory, tracker.Snapshot())
	tracker.Done("extract")
	assertETA(t, 5*time.Minute, progress.SourceHistory, tracker.Snapshot())
	tracker.Set("render", 0.5, "")
	tracker.Set("deliver", 0.5, "")
	assertETA(t, 150*time.Second, progress.SourceHistory, tracker.Snapshot())
	tracker.RestorePart("render", 0.75)
	assertETA(t, 90*time.Second, progress.SourceHistory, tracker.Snapshot())
}

func TestTheEstimateByHistoryNeedsOnlyThePhasesNotDone(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t, progress.History(map[string]time.Duration{"render": 4 * time.Minute, "deliver": 0, "other": time.Hour}))
	c.advance(time.Minute)
	assert.Equal(t, progress.SourceUnknown, tracker.Snapshot().Source)
	tracker.Set("extract", 0.5, "")
	assertETA(t, time.Minute*13/7, progress.SourceObserved, tracker.Snapshot())
	tracker.Done("extract")
	assertETA(t, 4*time.Minute, progress.SourceHistory, tracker.Snapshot())
}

func TestANegativeTypicalDurationIsIgnored(t *testing.T) {
	t.Parallel()
	tracker, _ := setupETA(t, progress.History(map[string]time.Duration{"extract": 1, "render": -1, "deliver": 1}))
	assert.Equal(t, progress.SourceUnknown, tracker.Snapshot().Source)
}

func TestHistoryIsCopied(t *testing.T) {
	t.Parallel()
	mine := map[string]time.Duration{"extract": time.Minute, "render": time.Minute, "deliver": time.Minute}
	option := progress.History(mine)
	clear(mine)
	tracker, _ := setupETA(t, option)
	assertETA(t, 3*time.Minute, progress.SourceHistory, tracker.Snapshot())
}

func TestWithoutHistoryTheEstimateUsesTheRunsOwnSpeed(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t)
	require.NoError(t, tracker.Start("extract"))
	c.advance(time.Minute)
	assertETA(t, 0, progress.SourceUnknown, tracker.Snapshot())
	tracker.Set("extract", 2.0/7, "") // 0.2 in one minute
	assertETA(t, 4*time.Minute, progress.SourceObserved, tracker.Snapshot())
	c.advance(time.Minute) // 0.2 in two
	assertETA(t, 8*time.Minute, progress.SourceObserved, tracker.Snapshot())
	tracker.Done("extract") // 0.7 in two
	assertETA(t, 2*time.Minute*3/7, progress.SourceObserved, tracker.Snapshot())
}

func TestRestoredWorkDoesNotCountTowardsTheSpeed(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t)
	tracker.Restore("extract")
	c.advance(time.Minute)
	assertETA(t, 0, progress.SourceUnknown, tracker.Snapshot())
	tracker.Set("render", 0.5, "") // 0.1 in one minute, 0.2 left
	assertETA(t, 2*time.Minute, progress.SourceObserved, tracker.Snapshot())
}

func TestAPartlyRestoredPhaseDoesNotCountTowardsTheSpeed(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t)
	tracker.RestorePart("extract", 5.0/7)
	c.advance(time.Minute)
	tracker.Set("extract", 5.0/7, "repeats the restored part")
	assertETA(t, 0, progress.SourceUnknown, tracker.Snapshot())
	tracker.Set("extract", 6.0/7, "") // 0.1 in one minute, 0.4 left
	assertETA(t, 4*time.Minute, progress.SourceObserved, tracker.Snapshot())
}

func TestThereIsNoSpeedBeforeTimeHasPassed(t *testing.T) {
	t.Parallel()
	tracker, _ := setupETA(t)
	tracker.Done("extract")
	assertETA(t, 0, progress.SourceUnknown, tracker.Snapshot())
}

func TestWhenAllPhasesAreDoneNothingRemainsAndElapsedStops(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts   []progress.Option
		finish func(*progress.Tracker, string)
		want   progress.ETASource
	}{
		"done":              {nil, (*progress.Tracker).Done, progress.SourceObserved},
		"restored":          {nil, (*progress.Tracker).Restore, progress.SourceObserved},
		"done with history": {[]progress.Option{progress.History(typical)}, (*progress.Tracker).Done, progress.SourceHistory},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracker, clock := setupETA(t, c.opts...)
			for _, phase := range report() {
				clock.advance(time.Minute)
				c.finish(tracker, phase.Name)
			}
			clock.advance(time.Hour)
			u := tracker.Snapshot()
			assertETA(t, 0, c.want, u)
			assert.Equal(t, 3*time.Minute, u.Elapsed)
		})
	}
}

func TestAnEstimateTooLongForADurationIsTheLongestDuration(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t)
	c.advance(time.Hour)
	tracker.Set("extract", 1e-30, "")
	u := tracker.Snapshot()
	assert.Equal(t, progress.SourceObserved, u.Source)
	assert.Equal(t, time.Duration(math.MaxInt64), u.Remaining)

	long := map[string]time.Duration{"extract": math.MaxInt64, "render": math.MaxInt64, "deliver": math.MaxInt64}
	tracker, _ = setupETA(t, progress.History(long))
	assert.Equal(t, time.Duration(math.MaxInt64), tracker.Snapshot().Remaining)
}

func TestElapsedDoesNotFallIfTheClockIsSetBack(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t)
	c.advance(-time.Hour)
	assert.Zero(t, tracker.Snapshot().Elapsed)
	c.advance(2 * time.Hour)
	assert.Equal(t, time.Hour, tracker.Snapshot().Elapsed)
	c.advance(-time.Minute)
	assert.Equal(t, time.Hour, tracker.Snapshot().Elapsed)
}

func TestTheEstimateByHistorySubtractsTheTimeSinceThePhaseAdvanced(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t, progress.History(typical))
	after := func(d, want time.Duration) {
		t.Helper()
		c.advance(d)
		assertETA(t, want, progress.SourceHistory, tracker.Snapshot())
	}
	after(time.Hour, 15*time.Minute) // nothing has started
	require.NoError(t, tracker.Start("extract"))
	after(4*time.Minute, 11*time.Minute)
	after(2*time.Minute, 9*time.Minute)
	tracker.Set("extract", 0.2, "slower than usual")
	after(0, 13*time.Minute)
	after(3*time.Minute, 10*time.Minute)
	require.NoError(t, tracker.Start("extract")) // another attempt
	after(time.Minute, 12*time.Minute)
	c.advance(time.Hour) // longer than its typical duration
	assert.Equal(t, progress.SourceObserved, tracker.Snapshot().Source)
	tracker.Done("extract")
	after(time.Minute, 5*time.Minute)
	tracker.RestorePart("render", 0.5)
	require.NoError(t, tracker.Start("render"))
	after(time.Minute, 2*time.Minute)
}

func TestAGroupTakesAsLongAsItsLongestPhase(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]time.Duration{0: 9 * time.Minute, 1: 16 * time.Minute, 2: 9*time.Minute + 30*time.Second, 3: 9 * time.Minute} {
		c := newClock()
		history := progress.History(map[string]time.Duration{"before": time.Minute, "a": 4 * time.Minute, "b": 6 * time.Minute, "c": 3 * time.Minute, "after": 2 * time.Minute})
		tracker := newTracker(t, []progress.Phase{
			{Name: "before", Weight: 1},
			{Name: "a", Weight: 1, Group: "group", MaxParallel: limit}, {Name: "b", Weight: 1, Group: "group", MaxParallel: limit}, {Name: "c", Weight: 1, Group: "group", MaxParallel: limit},
			{Name: "after", Weight: 1},
		}, history, progress.Clock(c.time))
		assertETA(t, want, progress.SourceHistory, tracker.Snapshot())
		tracker.Done("before")
		tracker.Done("b")
		for _, name := range []string{"a", "c"} {
			require.NoError(t, tracker.Start(name))
		}
		c.advance(time.Minute)
		if limit != 1 {
			assertETA(t, 5*time.Minute, progress.SourceHistory, tracker.Snapshot())
		}
	}
}

func TestAReportedRemainingTimeReplacesHistoryAndSpeed(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t, progress.History(map[string]time.Duration{"render": 4 * time.Minute, "deliver": time.Minute}))
	tracker.SetRemaining("extract", time.Hour)
	assert.Equal(t, progress.SourceUnknown, tracker.Snapshot().Source, "the phase is not open")
	require.NoError(t, tracker.Start("extract"))
	tracker.SetRemaining("extract", time.Hour)
	tracker.SetRemaining("extract", -1)
	assert.Equal(t, progress.SourceUnknown, tracker.Snapshot().Source)
	tracker.SetRemaining("extract", time.Hour)
	require.NoError(t, tracker.Start("extract")) // another attempt
	assert.Equal(t, progress.SourceUnknown, tracker.Snapshot().Source)
	tracker.SetRemaining("extract", 3*time.Minute)
	tracker.SetRemaining("none", time.Hour)
	c.advance(time.Minute)
	assertETA(t, 7*time.Minute, progress.SourceHistory, tracker.Snapshot())
	tracker.SetRemaining("extract", 6*time.Minute) // the largest part of the sum
	assertETA(t, 11*time.Minute, progress.SourceReported, tracker.Snapshot())
	c.advance(time.Hour)
	assert.Equal(t, progress.SourceUnknown, tracker.Snapshot().Source, "it takes longer than reported")
	tracker.Done("extract")
	tracker.Done("render")
	require.NoError(t, tracker.Start("deliver"))
	tracker.SetRemaining("deliver", 30*time.Second)
	c.advance(10 * time.Second)
	assertETA(t, 20*time.Second, progress.SourceReported, tracker.Snapshot())
	tracker.SetRemaining("deliver", time.Minute)
	assertETA(t, time.Minute, progress.SourceReported, tracker.Snapshot())
	tracker.SetRemaining("deliver", -1)
	assertETA(t, 50*time.Second, progress.SourceHistory, tracker.Snapshot())
}

func TestAReportedRemainingTimeCountsTowardsTheSpeed(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t)
	require.NoError(t, tracker.Start("extract"))
	c.advance(time.Minute)
	tracker.SetRemaining("extract", 6*time.Minute) // 0.7 in seven minutes, and 0.3 after that
	assertETA(t, 9*time.Minute, progress.SourceReported, tracker.Snapshot())
	c.advance(2 * time.Minute)
	assertETA(t, 7*time.Minute, progress.SourceReported, tracker.Snapshot())
	c.advance(3 * time.Minute) // now the other phases are the largest part
	assertETA(t, 4*time.Minute, progress.SourceObserved, tracker.Snapshot())
}

func TestReportedRemainingTimesInAGroupAreNotAddedUp(t *testing.T) {
	t.Parallel()
	c := newClock()
	tracker := newTracker(t, []progress.Phase{
		{Name: "a", Weight: 1, Group: "all"}, {Name: "b", Weight: 1, Group: "all"}, {Name: "c", Weight: 1, Group: "all"}, {Name: "after", Weight: 1},
	}, progress.Clock(c.time))
	for _, name := range []string{"a", "b", "c"} {
		require.NoError(t, tracker.Start(name))
		tracker.SetRemaining(name, 9*time.Minute)
	}
	assertETA(t, 12*time.Minute, progress.SourceReported, tracker.Snapshot()) // three of four in nine minutes
}

func TestSnapshotDoesNotChangeTheEstimate(t *testing.T) {
	t.Parallel()
	watched, c := setupETA(t, progress.History(typical))
	unwatched := newTracker(t, report(), progress.History(typical), progress.Clock(c.time))
	for _, tracker := range []*progress.Tracker{watched, unwatched} {
		require.NoError(t, tracker.Start("extract"))
	}
	for minute := range 9 {
		c.advance(time.Minute)
		for _, tracker := range []*progress.Tracker{watched, unwatched} {
			tracker.Set("extract", float64(minute/3)/10, "")
		}
		watched.Snapshot()
	}
	assert.Equal(t, unwatched.Snapshot(), watched.Snapshot())
}

func TestPhasesOfAGroupMustBeAdjacentWithOneMaxParallel(t *testing.T) {
	t.Parallel()
	_, err := progress.New([]progress.Phase{
		{Name: "a", Weight: 1, Group: "x", MaxParallel: 2}, {Name: "b", Weight: 1, Group: "x", MaxParallel: 3}, {Name: "c", Weight: 1}, {Name: "d", Weight: 1, Group: "x", MaxParallel: 2},
		{Name: "e", Weight: 1, MaxParallel: -1},
	})
	for _, want := range []string{
		`phase 2 "b" has max parallel 3, but its group "x" has 2`, `phase 4 "d" is not adjacent to the other phases of its group "x"`, `phase 5 "e" has max parallel -1: want 0 or more`,
	} {
		assert.ErrorContains(t, err, want)
	}
}
