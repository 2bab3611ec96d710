package progress_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/progress"
)

// report returns phases whose weights add up to 10: a weight of 1 is one tenth.
func report() []progress.Phase {
	return []progress.Phase{{Name: "extract", Weight: 7}, {Name: "render", Weight: 2}, {Name: "deliver", Weight: 1}}
}

func newTracker(t testing.TB, phases []progress.Phase, opts ...progress.Option) *progress.Tracker {
	t.Helper()
	tracker, err := progress.New(phases, opts...)
	require.NoError(t, err)
	return tracker
}

func TestNewReturnsAllErrorsJoined(t *testing.T) {
	t.Parallel()
	_, err := progress.New([]progress.Phase{
		{Name: "", Weight: 1},
		{Name: "a", Weight: 0},
		{Name: "b", Weight: -1},
		{Name: "a", Weight: math.NaN()},
		{Name: "c", Weight: math.Inf(1)},
		{Name: "fine", Weight: 1},
	}, progress.Throttle(math.NaN(), -1))
	require.Error(t, err)
	for _, want := range []string{
		"phase 1 has no name",
		`phase 2 "a" has weight 0:`,
		`phase 3 "b" has weight -1:`,
		`phase 4 has the name of phase 2, "a"`,
		`phase 4 "a" has weight NaN:`,
		`phase 5 "c" has weight +Inf:`,
		"minimum delta is NaN",
		"minimum interval is -1ns",
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.NotContains(t, err.Error(), "fine")
}

func TestNewReturnsAnErrorForNoPhasesAndANegativeDelta(t *testing.T) {
	t.Parallel()
	_, err := progress.New(nil, progress.Throttle(-0.1, 0))
	assert.ErrorContains(t, err, "no phases")
	assert.ErrorContains(t, err, "minimum delta is -0.1")
}

func TestNilOptionsMeanDefaults(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report(), nil, progress.OnUpdate(nil), progress.Clock(nil), progress.History(nil))
	tracker.Done("extract")
	assert.InDelta(t, 0.7, tracker.Snapshot().Fraction, 1e-12)
}

func TestANewTrackerIsAtZeroWithoutACurrentPhase(t *testing.T) {
	t.Parallel()
	u := newTracker(t, report()).Snapshot()
	assert.Zero(t, u.Fraction)
	assert.Zero(t, u.PhaseFraction)
	assert.Empty(t, u.Phase)
	assert.Empty(t, u.Message)
	assert.Equal(t, progress.SourceUnknown, u.Source)
}

func TestTheTotalFollowsTheWeights(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report())
	require.NoError(t, tracker.Start("extract"))
	tracker.Set("extract", 0.5, "page 1 of 2")
	u := tracker.Snapshot()
	assert.InDelta(t, 0.35, u.Fraction, 1e-12)
	assert.Equal(t, "extract", u.Phase)
	assert.Equal(t, 0.5, u.PhaseFraction)
	assert.Equal(t, "page 1 of 2", u.Message)

	tracker.Done("extract")
	u = tracker.Snapshot()
	assert.InDelta(t, 0.7, u.Fraction, 1e-12)
	assert.Equal(t, "extract", u.Phase, "between two phases, the last one stays the current one")
	assert.Equal(t, 1.0, u.PhaseFraction)

	require.NoError(t, tracker.Start("render"))
	u = tracker.Snapshot()
	assert.InDelta(t, 0.7, u.Fraction, 1e-12)
	assert.Equal(t, "render", u.Phase)
	assert.Zero(t, u.PhaseFraction)
	assert.Empty(t, u.Message, "a message belongs to its phase")
}

func TestStartReturnsAnErrorForUnknownAndDonePhases(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report())
	require.NoError(t, tracker.Start("extract"))
	require.NoError(t, tracker.Start("extract"), "an open phase may be started again")
	require.NoError(t, tracker.Start("render"))
	tracker.Done("extract")
	before := tracker.Snapshot()

	assert.ErrorIs(t, tracker.Start("nonsense"), progress.ErrUnknownPhase)
	assert.ErrorContains(t, tracker.Start("nonsense"), `"nonsense"`)
	assert.ErrorIs(t, tracker.Start("extract"), progress.ErrPhaseDone)
	after := tracker.Snapshot()
	assert.Equal(t, before.Phase, after.Phase)
	assert.Equal(t, before.Fraction, after.Fraction)
}

func TestSetClampsOrIgnoresInvalidFractions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		fraction float64
		want     float64
	}{
		{"below zero", -1, 0.4},
		{"lower than before", 0.3, 0.4},
		{"the same", 0.4, 0.4},
		{"higher", 0.6, 0.6},
		{"above one", 17, 1},
		{"NaN", math.NaN(), 0.4},
		{"infinite", math.Inf(1), 1},
		{"negative infinite", math.Inf(-1), 0.4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tracker := newTracker(t, report())
			tracker.Set("extract", 0.4, "before")
			tracker.Set("extract", c.fraction, "after")
			u := tracker.Snapshot()
			assert.Equal(t, c.want, u.PhaseFraction)
			assert.InDelta(t, 0.7*c.want, u.Fraction, 1e-12)
			assert.Equal(t, "after", u.Message)
		})
	}
}

func TestUnknownPhasesAreIgnored(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report())
	tracker.Set("nonsense", 1, "x")
	tracker.Done("nonsense")
	tracker.Restore("nonsense")
	tracker.RestorePart("nonsense", 1)
	u := tracker.Snapshot()
	assert.Zero(t, u.Fraction)
	assert.Empty(t, u.Phase)
}

func TestSetStartsAPhaseThatWasNotStarted(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report())
	tracker.Set("extract", 0.1, "")
	tracker.Set("render", 0, "fonts")
	tracker.Set("extract", 0.2, "rows")
	u := tracker.Snapshot()
	assert.Equal(t, "render", u.Phase, "a later Set of an open phase does not make it current again")
	assert.Equal(t, "fonts", u.Message)
}

func TestAnEmptyMessageKeepsThePreviousOne(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report())
	tracker.Set("extract", 0.1, "rows")
	tracker.Set("extract", 0.2, "")
	assert.Equal(t, "rows", tracker.Snapshot().Message)
}

func TestADonePhaseIgnoresFurtherCalls(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report())
	tracker.Set("extract", 0.1, "rows")
	tracker.Done("extract")
	tracker.Set("extract", 0.2, "late")
	tracker.Done("extract")
	tracker.Restore("extract")
	tracker.RestorePart("extract", 0.5)
	u := tracker.Snapshot()
	assert.InDelta(t, 0.7, u.Fraction, 1e-12)
	assert.Equal(t, "rows", u.Message)
	assert.Equal(t, 1.0, u.PhaseFraction)
}

func TestParallelPhasesAddUpAndTheLastStartedOneIsCurrent(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report())
	for _, name := range []string{"extract", "render", "deliver", "render"} {
		require.NoError(t, tracker.Start(name))
	}
	tracker.Set("extract", 0.5, "rows")
	tracker.Set("render", 0.5, "fonts")
	tracker.Set("deliver", 0.5, "mail")
	assert.InDelta(t, 0.5, tracker.Snapshot().Fraction, 1e-12)

	current := func() string { return tracker.Snapshot().Phase }
	assert.Equal(t, "render", current(), "it was started again, after the others")
	tracker.Done("render")
	assert.Equal(t, "deliver", current())
	tracker.Done("extract")
	assert.Equal(t, "deliver", current())
	tracker.Done("deliver")
	assert.Equal(t, "deliver", current(), "no phase is open: the last one stays the current one")
	assert.Equal(t, 1.0, tracker.Snapshot().Fraction)
}

func TestFractionOneIsNotYetDone(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report())
	for _, phase := range report() {
		tracker.Set(phase.Name, 1, "")
	}
	u := tracker.Snapshot()
	assert.Equal(t, 1.0, u.PhaseFraction)
	assert.Less(t, u.Fraction, 1.0)
	assert.Less(t, float32(u.Fraction), float32(1), "it must not round to 1 in single precision")
	assert.Greater(t, u.Fraction, 0.9999)

	for _, phase := range report() {
		assert.Less(t, tracker.Snapshot().Fraction, 1.0)
		tracker.Done(phase.Name)
	}
	assert.Equal(t, 1.0, tracker.Snapshot().Fraction)
}

func TestRestoredWorkCountsTowardsTheTotal(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report())
	tracker.Restore("extract")
	assert.InDelta(t, 0.7, tracker.Snapshot().Fraction, 1e-12)
	assert.Empty(t, tracker.Snapshot().Phase, "restoring does not start a phase")
	tracker.Restore("render")
	tracker.Restore("deliver")
	assert.Equal(t, 1.0, tracker.Snapshot().Fraction)
}

func TestAPartlyRestoredPhaseContinuesFromItsFraction(t *testing.T) {
	t.Parallel()
	tracker := newTracker(t, report())
	tracker.RestorePart("extract", 0.5)
	tracker.RestorePart("extract", 0.2)
	tracker.RestorePart("extract", math.NaN())
	u := tracker.Snapshot()
	assert.InDelta(t, 0.35, u.Fraction, 1e-12)
	assert.Empty(t, u.Phase, "restoring does not start a phase")

	require.NoError(t, tracker.Start("extract"))
	tracker.Set("extract", 0.1, "starts over")
	assert.InDelta(t, 0.35, tracker.Snapshot().Fraction, 1e-12)
	tracker.Set("extract", 0.6, "")
	assert.InDelta(t, 0.42, tracker.Snapshot().Fraction, 1e-12)
	tracker.RestorePart("extract", 0.8)
	assert.InDelta(t, 0.56, tracker.Snapshot().Fraction, 1e-12)
	tracker.RestorePart("extract", 7)
	assert.InDelta(t, 0.7, tracker.Snapshot().Fraction, 1e-12)
	tracker.Done("extract")
	tracker.Done("render")
	assert.InDelta(t, 0.9, tracker.Snapshot().Fraction, 1e-12)
	tracker.Done("deliver")
	assert.Equal(t, 1.0, tracker.Snapshot().Fraction)
}

func TestExtremeWeightsStillReachExactlyOne(t *testing.T) {
	t.Parallel()
	for name, weights := range map[string][]float64{
		"thirds":               {1.0 / 3, 1.0 / 3, 1.0 / 3},
		"tenths":               {0.1, 0.2, 0.3, 0.7},
		"sum overflows":        {math.MaxFloat64, math.MaxFloat64, math.MaxFloat64},
		"smallest":             {math.SmallestNonzeroFloat64, math.SmallestNonzeroFloat64},
		"far apart":            {1e-300, 1e300},
		"last one negligible":  {1, 1e-18},
		"one phase":            {42},
		"largest and smallest": {math.MaxFloat64, math.MaxFloat64, math.SmallestNonzeroFloat64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			phases := make([]progress.Phase, len(weights))
			for i, w := range weights {
				phases[i] = progress.Phase{Name: strconv.Itoa(i), Weight: w}
			}
			tracker := newTracker(t, phases)
			for _, phase := range phases {
				require.Less(t, tracker.Snapshot().Fraction, 1.0)
				tracker.Set(phase.Name, 0.5, "")
				require.Less(t, tracker.Snapshot().Fraction, 1.0)
				tracker.Done(phase.Name)
			}
			assert.Equal(t, 1.0, tracker.Snapshot().Fraction)
		})
	}
}

// It makes random calls in random order: the total never falls, is from 0 to 1,
// and is 1 exactly when all phases are done.
func TestTheTotalNeverFallsInAnyOrderOfCalls(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		phases := make([]progress.Phase, 1+r.IntN(8))
		for i := range phases {
			phases[i] = progress.Phase{Name: strconv.Itoa(i), Weight: math.Pow(10, 6*r.Float64()-3)}
		}
		tracker := newTracker(t, phases)
		done := map[string]bool{}
		for last := 0.0; len(done) < len(phases); {
			name := phases[r.IntN(len(phases))].Name
			switch r.IntN(12) {
			case 0:
				_ = tracker.Start(name)
			case 1:
				tracker.Done(name)
				done[name] = true
			case 2:
				tracker.RestorePart(name, r.Float64())
			case 3:
				if r.IntN(4) == 0 {
					tracker.Restore(name)
					done[name] = true
				}
			default:
				tracker.Set(name, 1.2*r.Float64()-0.1, "")
			}
			got := tracker.Snapshot().Fraction
			require.GreaterOrEqual(t, got, last, "seed %d", seed)
			require.LessOrEqual(t, got, 1.0, "seed %d", seed)
			require.Equal(t, len(done) == len(phases), got == 1, "seed %d", seed)
			last = got
		}
	}
}
