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

var testResampling = Resampling{Resamples: 230, Seed: 7}

func (b *fixture) bootstrap(t *testing.T, from Checkpoint, checkpoint func(Checkpoint) error) (Ranked, error) {
	t.Helper()
	return Bootstrap(t.Context(), b.work, b.cleaned, b.aggregated, testResampling, from, checkpoint, noReport)
}

func noCheckpoint(Checkpoint) error { return nil }

func TestBootstrapIsDeterministic(t *testing.T) {
	t.Parallel()
	first, err := setup(t).bootstrap(t, Checkpoint{}, noCheckpoint)
	require.NoError(t, err)
	second, err := setup(t).bootstrap(t, Checkpoint{}, noCheckpoint)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.Equal(t, 230, first.Resamples)

	b := setup(t)
	other, err := Bootstrap(t.Context(), b.work, b.cleaned, b.aggregated, Resampling{230, 8}, Checkpoint{}, noCheckpoint, noReport)
	require.NoError(t, err)
	assert.NotEqual(t, first.Chain, other.Chain, "another seed draws other resamples")
}

func TestEachBatchHasDifferentResamples(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.bootstrap(t, Checkpoint{}, noCheckpoint)
	require.NoError(t, err)
	seen := map[string]int{}
	for n := 1; n <= testResampling.batches(); n++ {
		content, err := os.ReadFile(filepath.Join(b.dir, "work/job/resamples", batchName(n)))
		require.NoError(t, err)
		require.Zero(t, seen[string(content)], "batch %d is equal to an earlier one", n)
		seen[string(content)] = n
	}
}

func TestBootstrapContinuesFromEachCheckpointWithTheSameResult(t *testing.T) {
	t.Parallel()
	want, err := setup(t).bootstrap(t, Checkpoint{}, noCheckpoint)
	require.NoError(t, err)

	b := setup(t)
	killed := errors.New("killed")
	var last Checkpoint
	interruptions := 0
	for {
		before := last
		got, err := b.bootstrap(t, last, func(c Checkpoint) error {
			if last = c; c.Batch > before.Batch+3 {
				return killed
			}
			return nil
		})
		if err == nil {
			assert.Equal(t, want, got)
			break
		}
		require.ErrorIs(t, err, killed)
		require.Equal(t, before.Batch+4, last.Batch, "it continues from the checkpoint, not from the beginning")
		interruptions++
	}
	assert.Equal(t, testResampling.batches()/4, interruptions)
}

func TestBootstrapRepeatsABatchWhoseCheckpointWasNotRecorded(t *testing.T) {
	t.Parallel()
	want, err := setup(t).bootstrap(t, Checkpoint{}, noCheckpoint)
	require.NoError(t, err)
	b := setup(t)
	var recorded Checkpoint
	_, err = b.bootstrap(t, Checkpoint{}, func(c Checkpoint) error {
		if c.Batch == 10 {
			return errors.New("killed") // the file of batch 10 exists, but not its checkpoint
		}
		recorded = c
		return nil
	})
	require.Error(t, err)
	require.Equal(t, 9, recorded.Batch)
	got, err := b.bootstrap(t, recorded, noCheckpoint)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestBootstrapStartsOverIfABatchIsMissingOrChanged(t *testing.T) {
	t.Parallel()
	want, err := setup(t).bootstrap(t, Checkpoint{}, noCheckpoint)
	require.NoError(t, err)
	damages := map[string]func(t *testing.T, file string){
		"changed": func(t *testing.T, file string) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			content[0] ^= 1
			require.NoError(t, os.WriteFile(file, content, 0o640))
		},
		"cut off": func(t *testing.T, file string) { require.NoError(t, os.Truncate(file, 20)) },
		"missing": func(t *testing.T, file string) { require.NoError(t, os.Remove(file)) },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			var last Checkpoint
			_, err := b.bootstrap(t, Checkpoint{}, func(c Checkpoint) error { last = c; return nil })
			require.NoError(t, err)
			damage(t, filepath.Join(b.dir, "work/job/resamples", batchName(3)))
			batches := []int{}
			got, err := b.bootstrap(t, last, func(c Checkpoint) error { batches = append(batches, c.Batch); return nil })
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, 1, batches[0])
		})
	}
}

func TestBootstrapFromItsLastCheckpointDrawsNoResamples(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var last Checkpoint
	want, err := b.bootstrap(t, Checkpoint{}, func(c Checkpoint) error { last = c; return nil })
	require.NoError(t, err)
	got, err := b.bootstrap(t, last, func(Checkpoint) error { return errors.New("no more batches") })
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestBootstrapStopsBeforeTheNextResample(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cause := errors.New("cause")
	reports := 0
	_, err := Bootstrap(cancelledContext(t, cause), b.work, b.cleaned, b.aggregated, testResampling, Checkpoint{}, noCheckpoint, func(int, int) { reports++ })
	require.ErrorIs(t, err, cause)
	assert.Zero(t, reports)
}

func TestBootstrapReturnsAnErrorWithoutAirportsOrResamples(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := Bootstrap(t.Context(), b.work, b.cleaned, b.aggregated, Resampling{}, Checkpoint{}, noCheckpoint, noReport)
	require.ErrorContains(t, err, "0 resamples")
	few, err := saveJSON(b.work, "figures.json", Figures{})
	require.NoError(t, err)
	b.aggregated.Figures = few
	_, err = b.bootstrap(t, Checkpoint{}, noCheckpoint)
	require.ErrorContains(t, err, "none has 400 flights")
}

func TestBatchesCoverAllResamples(t *testing.T) {
	t.Parallel()
	for _, resamples := range []int{1, 49, 50, 51, 230, 20_000} {
		r := Resampling{Resamples: resamples}
		total := 0
		for n := 1; n <= r.batches(); n++ {
			require.Positive(t, r.size(n))
			total += r.size(n)
		}
		assert.Equal(t, resamples, total)
		assert.LessOrEqual(t, r.batches(), maxBatches)
	}
}

// All days are equal, so a resample is equal to the original.
func TestAResampleHasAsManyDaysAsThePeriod(t *testing.T) {
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
	out := make([]replicate, r.replicatesPerResample())
	r.draw(rand.New(rand.NewPCG(1, 2)), out)
	assert.Equal(t, []replicate{
		{Flights: 3 * days, Late: 2 * days, P90: 383}, // beyond the last bin
		{Flights: 2 * days, Late: days, P90: 16},
		{Flights: days, Late: days, P90: 383},
	}, out)
}

func TestAResampleConsistsOfBlocksOfDays(t *testing.T) {
	t.Parallel()
	// Each day has one flight, in its own group.
	var flights []flight
	groups := make([]int, days)
	for day := range int32(days) {
		flights = append(flights, flight{minute: day * minutesPerDay, from: day})
		groups[day] = int(day)
	}
	s := sampleOf(flights...)
	r := newResampler(&s, groups, days)
	out := make([]replicate, r.replicatesPerResample())
	r.draw(rand.New(rand.NewPCG(3, 4)), out)
	drawn, starts := out[1:], 0
	for day, d := range drawn {
		if before := drawn[(day+days-1)%days]; d.Flights > before.Flights {
			starts += int(d.Flights - before.Flights)
		}
	}
	assert.EqualValues(t, days, out[0].Flights)
	assert.LessOrEqual(t, starts, days/blockDays+1, "days come in blocks")
	assert.Greater(t, starts, days/blockDays/2)
}

func TestTheSummaryOfAHistogramIsThatOfItsDelays(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	for n := 1; n < 60; n++ {
		var counts [binCount]uint32
		delays := make([]int32, n)
		for i := range delays {
			delays[i] = random.Int32N(200) - 50
			counts[delays[i]-firstBin]++
		}
		want := spreadOf(delays)
		assert.Equal(t, replicate{Flights: uint32(want.Flights), Late: uint32(want.Late), P90: int32(want.P90)}, summarize(counts[:]))
	}
}
