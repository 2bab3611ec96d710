package flights

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var howOften = Resampling{Resamples: 230, Seed: 7}

func (b *bundle) bootstrap(t *testing.T, from Mark, checkpoint func(Mark) error) (Ranked, error) {
	t.Helper()
	return Bootstrap(t.Context(), b.work, b.cleaned, b.aggregated, howOften, from, checkpoint, quiet)
}

func always(Mark) error { return nil }

func TestBootstrapGivesTheSameAgain(t *testing.T) {
	t.Parallel()
	first, err := setup(t).bootstrap(t, Mark{}, always)
	require.NoError(t, err)
	second, err := setup(t).bootstrap(t, Mark{}, always)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.Equal(t, 230, first.Resamples)

	b := setup(t)
	other, err := Bootstrap(t.Context(), b.work, b.cleaned, b.aggregated, Resampling{230, 8}, Mark{}, always, quiet)
	require.NoError(t, err)
	assert.NotEqual(t, first.Chain, other.Chain, "another seed gives other resamples")
}

func TestEachBatchHasResamplesOfItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.bootstrap(t, Mark{}, always)
	require.NoError(t, err)
	seen := map[string]int{}
	for n := 1; n <= howOften.batches(); n++ {
		content, err := os.ReadFile(filepath.Join(b.dir, "work/job/resamples", batchName(n)))
		require.NoError(t, err)
		require.Zero(t, seen[string(content)], "batch %d is like one before", n)
		seen[string(content)] = n
	}
}

func TestBootstrapGoesOnAfterEachCheckpointAsIfNothingHadHappened(t *testing.T) {
	t.Parallel()
	want, err := setup(t).bootstrap(t, Mark{}, always)
	require.NoError(t, err)

	b := setup(t)
	killed := errors.New("killed")
	var mark Mark
	interruptions := 0
	for {
		before := mark
		got, err := b.bootstrap(t, mark, func(m Mark) error {
			if mark = m; m.Batch > before.Batch+3 {
				return killed
			}
			return nil
		})
		if err == nil {
			assert.Equal(t, want, got)
			break
		}
		require.ErrorIs(t, err, killed)
		require.Equal(t, before.Batch+4, mark.Batch, "it goes on where it was, and not from the beginning")
		interruptions++
	}
	assert.Equal(t, howOften.batches()/4, interruptions)
}

func TestBootstrapThatDiedBeforeItsCheckpointWasRecordedMakesTheBatchAgain(t *testing.T) {
	t.Parallel()
	want, err := setup(t).bootstrap(t, Mark{}, always)
	require.NoError(t, err)
	b := setup(t)
	var recorded Mark
	_, err = b.bootstrap(t, Mark{}, func(m Mark) error {
		if m.Batch == 10 {
			return errors.New("killed") // batch 10 is in the directory, and nobody knows
		}
		recorded = m
		return nil
	})
	require.Error(t, err)
	require.Equal(t, 9, recorded.Batch)
	got, err := b.bootstrap(t, recorded, always)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestBootstrapBeginsAgainIfItsBatchesAreNotAsTheyWere(t *testing.T) {
	t.Parallel()
	want, err := setup(t).bootstrap(t, Mark{}, always)
	require.NoError(t, err)
	harms := map[string]func(t *testing.T, file string){
		"altered": func(t *testing.T, file string) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			content[0] ^= 1
			require.NoError(t, os.WriteFile(file, content, 0o640))
		},
		"cut off": func(t *testing.T, file string) { require.NoError(t, os.Truncate(file, 20)) },
		"gone":    func(t *testing.T, file string) { require.NoError(t, os.Remove(file)) },
	}
	for name, harm := range harms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			var mark Mark
			_, err := b.bootstrap(t, Mark{}, func(m Mark) error { mark = m; return nil })
			require.NoError(t, err)
			harm(t, filepath.Join(b.dir, "work/job/resamples", batchName(3)))
			firsts := []int{}
			got, err := b.bootstrap(t, mark, func(m Mark) error { firsts = append(firsts, m.Batch); return nil })
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, 1, firsts[0])
		})
	}
}

func TestBootstrapThatWasDoneOnlyRanksAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mark Mark
	want, err := b.bootstrap(t, Mark{}, func(m Mark) error { mark = m; return nil })
	require.NoError(t, err)
	got, err := b.bootstrap(t, mark, func(Mark) error { return errors.New("no more batches") })
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestBootstrapStopsWithinAResample(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reason := errors.New("enough")
	seen := 0
	_, err := Bootstrap(cancelled(t, reason), b.work, b.cleaned, b.aggregated, howOften, Mark{}, always, func(int, int) { seen++ })
	require.ErrorIs(t, err, reason)
	assert.Zero(t, seen)
}

func TestBootstrapNeedsAirportsAndResamples(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := Bootstrap(t.Context(), b.work, b.cleaned, b.aggregated, Resampling{}, Mark{}, always, quiet)
	require.ErrorContains(t, err, "0 resamples")
	few, err := saveJSON(b.work, "figures.json", Figures{})
	require.NoError(t, err)
	b.aggregated.Figures = few
	_, err = b.bootstrap(t, Mark{}, always)
	require.ErrorContains(t, err, "none has 400 flights")
}

func TestBatchesCoverAllResamples(t *testing.T) {
	t.Parallel()
	for _, resamples := range []int{1, 49, 50, 51, 230, 20_000} {
		how := Resampling{Resamples: resamples}
		total := 0
		for n := 1; n <= how.batches(); n++ {
			require.Positive(t, how.size(n))
			total += how.size(n)
		}
		assert.Equal(t, resamples, total)
		assert.LessOrEqual(t, how.batches(), checkpoints)
	}
}

// A resample of days that are all alike is like them.
func TestAResampleHoldsAsManyDaysAsThePeriod(t *testing.T) {
	t.Parallel()
	var flights []flight
	for day := range int32(days) {
		flights = append(flights,
			flight{minute: day * minutesPerDay, delay: 16, from: 0},
			flight{minute: day*minutesPerDay + 1, delay: 15, from: 0},
			flight{minute: day*minutesPerDay + 2, delay: 400, from: 1})
	}
	s := sampleOf(flights...)
	r := newResampler(&s, []int{0, 1}, 2)
	out := make([]replicate, r.width())
	r.draw(rand.New(rand.NewPCG(1, 2)), out)
	assert.Equal(t, []replicate{
		{Flights: 3 * days, Late: 2 * days, P90: 383}, // beyond the last bin
		{Flights: 2 * days, Late: days, P90: 16},
		{Flights: days, Late: days, P90: 383},
	}, out)
}

func TestAResampleDrawsWholeWeeks(t *testing.T) {
	t.Parallel()
	// One flight on each day, in a group of its own.
	var flights []flight
	groups := make([]int, days)
	for day := range int32(days) {
		flights = append(flights, flight{minute: day * minutesPerDay, from: day})
		groups[day] = int(day)
	}
	s := sampleOf(flights...)
	r := newResampler(&s, groups, days)
	out := make([]replicate, r.width())
	r.draw(rand.New(rand.NewPCG(3, 4)), out)
	drawn, starts := out[1:], 0
	for day, d := range drawn {
		if before := drawn[(day+days-1)%days]; d.Flights > before.Flights {
			starts += int(d.Flights - before.Flights)
		}
	}
	assert.EqualValues(t, days, out[0].Flights)
	assert.LessOrEqual(t, starts, days/block+1, "days come in blocks")
	assert.Greater(t, starts, days/block/2)
}

func TestAHistogramIsDescribedAsTheDelaysThemselves(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	for n := 1; n < 60; n++ {
		var counts [bins]uint32
		delays := make([]int32, n)
		for i := range delays {
			delays[i] = random.Int32N(200) - 50
			counts[delays[i]-firstBin]++
		}
		want := spreadOf(delays)
		assert.Equal(t, replicate{Flights: uint32(want.Flights), Late: uint32(want.Late), P90: int32(want.P90)}, describe(counts[:]))
	}
}
