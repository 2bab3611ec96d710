package progress_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/progress"
)

// It makes random calls in random order. The total is the weighted average of
// the phases' fractions, never falls, and is 1 only when all phases are done.
func TestTheTotalIsTheWeightedAverageAndNeverFalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		phases := make([]progress.Phase, rapid.IntRange(1, 8).Draw(t, "phases"))
		weights := rapid.OneOf(rapid.Float64Range(0.1, 100), rapid.Float64Range(1e-300, math.MaxFloat64))
		largest := 0.0
		for i := range phases {
			phases[i] = progress.Phase{Name: fmt.Sprint(i), Weight: weights.Draw(t, "weight")}
			largest = max(largest, phases[i].Weight)
		}
		tracker, err := progress.New(phases)
		require.NoError(t, err)
		fractions, done, last := make([]float64, len(phases)), make([]bool, len(phases)), 0.0
		for range rapid.IntRange(1, 30).Draw(t, "calls") {
			i := rapid.IntRange(0, len(phases)-1).Draw(t, "phase")
			name := phases[i].Name
			fraction := rapid.OneOf(rapid.Float64Range(0, 1), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 2, 1})).Draw(t, "fraction")
			raise := func(fraction float64) {
				if !done[i] && fraction > fractions[i] {
					fractions[i] = min(fraction, 1)
				}
			}
			switch rapid.SampledFrom([]string{"start", "set", "set", "set", "done", "restore", "part", "unknown"}).Draw(t, "call") {
			case "start":
				assert.Equal(t, done[i], tracker.Start(name) != nil)
			case "set":
				tracker.Set(name, fraction, "")
				raise(fraction)
			case "done":
				tracker.Done(name)
				fractions[i], done[i] = 1, true
			case "restore":
				tracker.Restore(name)
				fractions[i], done[i] = 1, true
			case "part":
				tracker.RestorePart(name, fraction)
				raise(fraction)
			default:
				tracker.Set("no such phase", fraction, "")
				tracker.Done("no such phase")
			}
			sum, want, all := 0.0, 0.0, true
			for k, phase := range phases { // relative to the largest, because their sum may be infinite
				sum += phase.Weight / largest
				want += phase.Weight / largest * fractions[k]
				all = all && done[k]
			}
			got := tracker.Snapshot().Fraction
			assert.InDelta(t, want/sum, got, 2e-6)
			assert.GreaterOrEqual(t, got, last)
			assert.Equal(t, all, got == 1, "%v", got)
			assert.True(t, got >= 0 && got <= 1, "%v", got)
			last = got
		}
	})
}

// It makes random calls in random order, at random times. The remaining time is
// never negative, is 0 when all phases are done, and does not depend on earlier
// calls of Snapshot.
func TestTheRemainingTimeIsNeverNegativeAndSnapshotDoesNotChangeIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		phases := make([]progress.Phase, rapid.IntRange(1, 6).Draw(t, "phases"))
		durations := rapid.OneOf(rapid.Int64Range(0, int64(time.Hour)), rapid.SampledFrom([]int64{-1, math.MaxInt64, math.MinInt64}))
		sizes := rapid.OneOf(rapid.Float64Range(0, 1e6), rapid.SampledFrom([]float64{5e-324, math.MaxFloat64}))
		limit := rapid.IntRange(0, 3).Draw(t, "limit")
		first := rapid.IntRange(0, len(phases)).Draw(t, "first of the group")
		last := rapid.IntRange(first, len(phases)).Draw(t, "after the group")
		history := make([]progress.Samples, rapid.IntRange(0, 4).Draw(t, "runs"))
		for i := range phases {
			phases[i] = progress.Phase{Name: fmt.Sprint(i), Weight: rapid.Float64Range(0.1, 100).Draw(t, "weight")}
			if i >= first && i < last {
				phases[i].Group, phases[i].MaxParallel = "group", limit
			}
			if rapid.Bool().Draw(t, "has a size") {
				phases[i].Size = sizes.Draw(t, "size")
			}
		}
		for k := range history {
			history[k] = make(progress.Samples)
			for _, phase := range phases {
				if rapid.Bool().Draw(t, "has a sample") {
					history[k][phase.Name] = progress.Sample{
						Duration: time.Duration(durations.Draw(t, "duration")), Size: sizes.Draw(t, "size"), Silent: rapid.Bool().Draw(t, "silent"),
					}
				}
			}
		}
		c := newClock()
		newTracker := func() *progress.Tracker {
			tr, err := progress.New(phases, progress.History(history...), progress.Clock(c.time))
			require.NoError(t, err)
			return tr
		}
		watched, unwatched := newTracker(), newTracker()
		both := func(do func(*progress.Tracker)) {
			do(watched)
			do(unwatched)
		}
		for range rapid.IntRange(1, 30).Draw(t, "calls") {
			name := phases[rapid.IntRange(0, len(phases)-1).Draw(t, "phase")].Name
			switch rapid.SampledFrom([]string{"start", "set", "set", "report", "done", "part", "wait", "wait"}).Draw(t, "call") {
			case "start":
				both(func(tr *progress.Tracker) { _ = tr.Start(name) }) // an error if it is done
			case "set":
				fraction := rapid.Float64Range(-1, 2).Draw(t, "fraction")
				both(func(tr *progress.Tracker) { tr.Set(name, fraction, "") })
			case "report":
				left := time.Duration(durations.Draw(t, "left"))
				both(func(tr *progress.Tracker) { tr.SetRemaining(name, left) })
			case "done":
				both(func(tr *progress.Tracker) { tr.Done(name) })
			case "part":
				fraction := rapid.Float64Range(0, 1).Draw(t, "fraction")
				both(func(tr *progress.Tracker) { tr.RestorePart(name, fraction) })
			default:
				c.advance(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "duration")))
			}
			u := watched.Snapshot()
			assert.GreaterOrEqual(t, u.Remaining, time.Duration(0), "%+v", u)
			if u.RemainingP90 != 0 {
				assert.GreaterOrEqual(t, u.RemainingP90, u.Remaining, "%+v", u)
			}
			if u.Source == progress.SourceUnknown {
				assert.Zero(t, u.Remaining)
			}
			if u.Fraction == 1 {
				assert.Zero(t, u.Remaining)
			}
		}
		assert.Equal(t, unwatched.Snapshot(), watched.Snapshot())
	})
}
