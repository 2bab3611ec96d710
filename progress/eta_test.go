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

// took returns a run of phases that took that many minutes and reported their progress.
func took(minutes map[string]float64) progress.Samples {
	run := make(progress.Samples)
	for phase, m := range minutes {
		run[phase] = progress.Sample{Duration: time.Duration(m * float64(time.Minute))}
	}
	return run
}

// silently returns the same run without any reports.
func silently(run progress.Samples) progress.Samples {
	out := make(progress.Samples)
	for phase, sample := range run {
		sample.Silent = true
		out[phase] = sample
	}
	return out
}

var typical = took(map[string]float64{"extract": 10, "render": 4, "deliver": 1})

func TestHistoryGivesAnEstimateBeforeTheFirstPhase(t *testing.T) {
	t.Parallel()
	tracker, _ := setupETA(t, progress.History(typical))
	assertETA(t, 15*time.Minute, progress.SourceHistory, tracker.Snapshot())
}

func TestWithoutHistoryTheEstimateUsesTheRunsOwnSpeed(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t)
	require.NoError(t, tracker.Start("extract"))
	c.advance(time.Minute)
	assertETA(t, 0, progress.SourceUnknown, tracker.Snapshot())
	tracker.Set("extract", 2.0/7, "") // 0.2 in one minute
	assertETA(t, 4*time.Minute, progress.SourceObserved, tracker.Snapshot())
	c.advance(time.Minute)
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

	long := progress.Samples{"extract": {Duration: math.MaxInt64}, "render": {Duration: math.MaxInt64}, "deliver": {Duration: math.MaxInt64}}
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

func TestAGroupTakesAsLongAsItsLongestPhase(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]time.Duration{0: 9 * time.Minute, 1: 16 * time.Minute, 2: 9*time.Minute + 30*time.Second, 3: 9 * time.Minute} {
		c := newClock()
		history := progress.History(silently(took(map[string]float64{"before": 1, "a": 4, "b": 6, "c": 3, "after": 2})))
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

// A phase that usually reports nothing is estimated by history alone.
func TestTheEstimateByHistoryAddsUpTheRestOfEachPhase(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t, progress.History(silently(typical)))
	require.NoError(t, tracker.Start("extract"))
	c.advance(2 * time.Minute)
	assertETA(t, 13*time.Minute, progress.SourceHistory, tracker.Snapshot())
	tracker.Done("extract") // in a fifth of the usual time: nothing follows for the others
	assertETA(t, 5*time.Minute, progress.SourceHistory, tracker.Snapshot())
	tracker.RestorePart("render", 0.5)
	assertETA(t, 3*time.Minute, progress.SourceHistory, tracker.Snapshot())
	require.NoError(t, tracker.Start("render"))
	c.advance(30 * time.Second)
	assertETA(t, 150*time.Second, progress.SourceHistory, tracker.Snapshot())
	require.NoError(t, tracker.Start("render")) // another attempt
	assertETA(t, 3*time.Minute, progress.SourceHistory, tracker.Snapshot())
}

func TestTheLessEarlierRunsAgreeTheMoreThisRunsPaceCounts(t *testing.T) {
	t.Parallel()
	half := func(history ...progress.Samples) progress.Update {
		tracker, c := setupETA(t, progress.History(history...))
		require.NoError(t, tracker.Start("extract"))
		for n := range 16 {
			c.advance(time.Minute * 3 / 4) // 1.2 times as long as usual
			tracker.Set("extract", float64(n+1)/32, "")
		}
		tracker.Done("extract")
		return tracker.Snapshot()
	}
	scaled := func(by float64) progress.Samples {
		return took(map[string]float64{"extract": 10 * by, "render": 4 * by, "deliver": by})
	}
	apart := func(by float64) progress.Samples {
		return took(map[string]float64{"extract": 10 * by, "render": 4 / by, "deliver": 1 / by})
	}
	alike := half(apart(1), apart(1.2), apart(0.8), apart(1.1), apart(0.9), apart(1.2), apart(0.8))
	one := half(scaled(1))
	differ := half(scaled(1), scaled(2), scaled(0.5), scaled(3), scaled(0.3), scaled(1), scaled(1))
	assert.Less(t, alike.Remaining, one.Remaining)
	assert.InEpsilon(t, 6*time.Minute, differ.Remaining, 0.02)
	assert.Equal(t, []progress.ETASource{progress.SourceObserved, progress.SourceObserved}, []progress.ETASource{one.Source, differ.Source})
	assert.Zero(t, one.RemainingP90)
	assert.Greater(t, differ.RemainingP90, differ.Remaining)
	assert.Greater(t, alike.RemainingP90, alike.Remaining)
}

// The case in which estimates flapped most: three small runs, and then a large one.
func TestARunThatIsUnlikeAllEarlierOnesIsEstimatedByItsPace(t *testing.T) {
	t.Parallel()
	small := took(map[string]float64{"extract": 0.1, "render": 0.01, "deliver": 0.01})
	tracker, c := setupETA(t, progress.History(small, small, small))
	require.NoError(t, tracker.Start("extract"))
	for percent := 1; percent <= 90; percent++ {
		c.advance(6 * time.Second / 100 * 60) // 60 times as long
		tracker.Set("extract", float64(percent)/100, "")
		if percent >= 25 {
			assert.InEpsilon(t, float64(6*time.Minute)*(1-float64(percent)/100)+float64(time.Minute), tracker.Snapshot().Remaining, 0.3, "at %d %%", percent)
		}
	}
}

// What is overdue is expected at any moment, and the less so the longer it takes; what follows
// it stays.
func TestAnOverduePhaseKeepsTheRest(t *testing.T) {
	t.Parallel()
	run := silently(typical)
	tracker, c := setupETA(t, progress.History(run, run, run, run))
	require.NoError(t, tracker.Start("extract"))
	const others = 5 * time.Minute
	last := tracker.Snapshot().Remaining
	for range 20 {
		c.advance(30 * time.Second)
		now := tracker.Snapshot()
		assert.Less(t, now.Remaining, last)
		assert.Greater(t, now.Remaining, others)
		assert.Equal(t, progress.SourceHistory, now.Source)
		last = now.Remaining
	}
	assert.InDelta(t, others, last, float64(20*time.Second))
	c.advance(10 * time.Minute)
	assert.Greater(t, tracker.Snapshot().Remaining, last)
	assert.Less(t, tracker.Snapshot().Remaining, others+20*time.Minute)
}

// A step that reports each of its items hangs in one of them.
func TestAPhaseThatHangsDoesNotMultiplyItsRest(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]progress.Option{"without history": nil, "with history": {progress.History(typical, typical, typical)}} {
		tracker, c := setupETA(t, opts...)
		require.NoError(t, tracker.Start("extract"))
		for n := range 10 {
			c.advance(time.Minute)
			tracker.Set("extract", float64(n+1)/20, "")
		}
		before := tracker.Snapshot().Remaining
		c.advance(10 * time.Minute)
		assert.LessOrEqual(t, tracker.Snapshot().Remaining, before+11*time.Minute, name)
		assert.GreaterOrEqual(t, tracker.Snapshot().Remaining, before, name)
	}
}

func TestAPhaseWithoutHistoryIsGuessedFromItsWeight(t *testing.T) {
	t.Parallel()
	tracker, _ := setupETA(t, progress.History(silently(took(map[string]float64{"render": 4, "deliver": 2, "other": 60}))))
	assertETA(t, 20*time.Minute, progress.SourceHistory, tracker.Snapshot()) // of weights 7, 2 and 1
	tracker.Done("extract")
	assertETA(t, 6*time.Minute, progress.SourceHistory, tracker.Snapshot())
}

func TestHistoryThatSaysNothingIsIgnored(t *testing.T) {
	t.Parallel()
	for _, run := range []progress.Samples{nil, {}, {"other": {Duration: time.Hour}}, {"extract": {Duration: -1}}} {
		tracker, c := setupETA(t, progress.History(run))
		assert.Equal(t, progress.SourceUnknown, tracker.Snapshot().Source)
		c.advance(time.Minute)
		tracker.Set("extract", 2.0/7, "")
		assertETA(t, 4*time.Minute, progress.SourceObserved, tracker.Snapshot())
	}
}

func TestHistoryIsCopied(t *testing.T) {
	t.Parallel()
	mine := took(map[string]float64{"extract": 1, "render": 1, "deliver": 1})
	option := progress.History(mine)
	clear(mine)
	tracker, _ := setupETA(t, option)
	assertETA(t, 3*time.Minute, progress.SourceHistory, tracker.Snapshot())
}

func TestSizesThatAreKnownCountFromTheFirstSecond(t *testing.T) {
	t.Parallel()
	run := func(items float64) progress.Samples {
		return progress.Samples{"extract": {Duration: time.Duration(items) * time.Second, Size: items}, "render": {Duration: time.Minute, Silent: true}}
	}
	history := progress.History(run(60), run(120), run(30), run(240), run(60))
	phases := []progress.Phase{{Name: "extract", Weight: 9, Size: 600}, {Name: "render", Weight: 1}}
	c := newClock()
	tracker := newTracker(t, phases, history, progress.Clock(c.time))
	assertETA(t, 11*time.Minute, progress.SourceHistory, tracker.Snapshot())
	assert.Less(t, tracker.Snapshot().RemainingP90, 14*time.Minute)

	phases[0].Size = 0
	tracker = newTracker(t, phases, history, progress.Clock(c.time))
	assert.Less(t, tracker.Snapshot().Remaining, 3*time.Minute)
	tracker.SetSize("extract", 600) // found out at its begin
	assertETA(t, 11*time.Minute, progress.SourceHistory, tracker.Snapshot())
	tracker.SetSize("extract", math.NaN())
	tracker.SetSize("none", 1)
	assert.Less(t, tracker.Snapshot().Remaining, 3*time.Minute)
}

// The time of a phase need not depend on what its author calls its size.
func TestSizesThatChangedNothingAreIgnored(t *testing.T) {
	t.Parallel()
	var history []progress.Samples
	for n := range 12 {
		history = append(history, progress.Samples{"all": {Duration: time.Minute, Size: math.Exp(float64(n - 6))}})
	}
	tracker := newTracker(t, []progress.Phase{{Name: "all", Weight: 1, Size: 100}}, progress.History(history...))
	assert.InDelta(t, time.Minute, tracker.Snapshot().Remaining, float64(3*time.Second))
}

func TestSamplesAreTheHistoryOfTheNextRun(t *testing.T) {
	t.Parallel()
	first, c := setupETA(t)
	require.NoError(t, first.Start("extract"))
	first.SetSize("extract", 5)
	for n := range 5 {
		c.advance(2 * time.Minute)
		first.Set("extract", float64(n+1)/5, "")
	}
	first.Done("extract")
	c.advance(time.Minute)
	first.Done("render") // without a start: since the last one was done
	first.RestorePart("deliver", 0.5)
	require.NoError(t, first.Start("deliver"))
	first.Done("deliver")
	assert.Equal(t, progress.Samples{
		"extract": {Duration: 10 * time.Minute, Size: 5},
		"render":  {Duration: time.Minute, Silent: true},
	}, first.Samples())
	second, _ := setupETA(t, progress.History(first.Samples()))
	second.SetSize("extract", 10)
	usual, ok := second.Usual("extract")
	assert.True(t, ok)
	assert.Equal(t, 20*time.Minute, usual)
	_, ok = first.Usual("extract")
	assert.False(t, ok)
	_, ok = second.Sample("render")
	assert.False(t, ok)
	second.Restore("deliver")
	assertETA(t, 21*time.Minute, progress.SourceHistory, second.Snapshot())
}

func TestAReportedRemainingTimeReplacesHistoryAndSpeed(t *testing.T) {
	t.Parallel()
	tracker, c := setupETA(t, progress.History(silently(took(map[string]float64{"extract": 2, "render": 4, "deliver": 1}))))
	tracker.SetRemaining("extract", time.Hour)
	assertETA(t, 7*time.Minute, progress.SourceHistory, tracker.Snapshot()) // the phase is not open
	require.NoError(t, tracker.Start("extract"))
	tracker.SetRemaining("extract", time.Hour)
	tracker.SetRemaining("extract", -1)
	assertETA(t, 7*time.Minute, progress.SourceHistory, tracker.Snapshot())
	tracker.SetRemaining("extract", time.Hour)
	require.NoError(t, tracker.Start("extract")) // another attempt
	assertETA(t, 7*time.Minute, progress.SourceHistory, tracker.Snapshot())
	tracker.SetRemaining("extract", 3*time.Minute)
	tracker.SetRemaining("none", time.Hour)
	c.advance(time.Minute)
	assertETA(t, 7*time.Minute, progress.SourceHistory, tracker.Snapshot())
	tracker.SetRemaining("extract", 6*time.Minute) // the largest part of the sum
	assertETA(t, 11*time.Minute, progress.SourceReported, tracker.Snapshot())
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

func TestAnUpdateCountsDownAndIsNeverOverAtOnce(t *testing.T) {
	t.Parallel()
	u := progress.Update{Elapsed: time.Second, Remaining: time.Minute, RemainingP90: 2 * time.Minute}
	later := u.After(30 * time.Second)
	assert.InDelta(t, 30*time.Second, later.Remaining, float64(time.Millisecond))
	assert.Equal(t, []time.Duration{31 * time.Second, 90 * time.Second}, []time.Duration{later.Elapsed, later.RemainingP90})
	for _, d := range []time.Duration{time.Minute, 2 * time.Minute, time.Hour} {
		later = u.After(d)
		assert.Greater(t, later.Remaining, time.Second)
		assert.LessOrEqual(t, later.Remaining, d)
		assert.GreaterOrEqual(t, later.RemainingP90, later.Remaining)
	}
	assert.Equal(t, u, u.After(-time.Second))
}
