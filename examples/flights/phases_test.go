package flights

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// results runs Bootstrap and Charts and returns the results of all phases.
func (b *fixture) results(t *testing.T) Results {
	t.Helper()
	ranked, err := b.bootstrap(t, Checkpoint{}, noCheckpoint)
	require.NoError(t, err)
	charted, err := Charts(t.Context(), b.work, b.aggregated, ranked, defaultTop, noReport)
	require.NoError(t, err)
	return Results{Cleaned: b.cleaned, Aggregated: b.aggregated, Ranked: ranked, Charted: charted}
}

func TestEveryPhaseStopsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.results(t)
	cause := errors.New("cause")
	ctx := cancelledContext(t, cause)
	phases := map[string]func() error{
		"load":      func() error { _, err := Load(ctx, b.work, noReport); return err },
		"clean":     func() error { _, err := Clean(ctx, b.work, b.loaded, noReport); return err },
		"aggregate": func() error { _, err := Aggregate(ctx, b.work, b.cleaned, noReport); return err },
		"charts": func() error {
			_, err := Charts(ctx, b.work, b.aggregated, done.Ranked, defaultTop, noReport)
			return err
		},
		"write": func() error {
			_, err := WriteHTML(ctx, b.work, done, ReportName, time.Time{}, noReport)
			return err
		},
	}
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, phase(), cause)
		})
	}
	require.NoFileExists(t, b.dir+"/"+ReportName, "a cancelled phase writes no report")
}

func TestEveryPhaseReturnsAnErrorForAChangedFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.results(t)
	withWrongSum := func(f File) File { f.SHA256 = sumOf(nil); return f }
	phases := map[string]func() error{
		"clean": func() error {
			_, err := Clean(t.Context(), b.work, Loaded{Raw: withWrongSum(b.loaded.Raw)}, noReport)
			return err
		},
		"aggregate": func() error {
			_, err := Aggregate(t.Context(), b.work, Cleaned{Flights: withWrongSum(b.cleaned.Flights)}, noReport)
			return err
		},
		"bootstrap": func() error {
			_, err := Bootstrap(t.Context(), b.work, b.cleaned, Aggregated{Figures: withWrongSum(b.aggregated.Figures)}, testResampling, Checkpoint{}, noCheckpoint, noReport)
			return err
		},
		"charts": func() error {
			_, err := Charts(t.Context(), b.work, b.aggregated, Ranked{Ranking: withWrongSum(done.Ranked.Ranking)}, defaultTop, noReport)
			return err
		},
		"write": func() error {
			in := done
			in.Charted = Charted{Charts: []Chart{{Name: hoursChart, File: withWrongSum(done.Charted.Charts[0].File)}}}
			_, err := WriteHTML(t.Context(), b.work, in, ReportName, time.Time{}, noReport)
			return err
		},
	}
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, phase(), ErrWorkFile)
		})
	}
}

func TestEveryPhaseReportsProgressUpToItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.results(t)
	phases := map[string]func(Reporter) error{
		"load":      func(r Reporter) error { _, err := Load(t.Context(), openWork(t, t.TempDir()), r); return err },
		"clean":     func(r Reporter) error { _, err := Clean(t.Context(), b.work, b.loaded, r); return err },
		"aggregate": func(r Reporter) error { _, err := Aggregate(t.Context(), b.work, b.cleaned, r); return err },
		"bootstrap": func(r Reporter) error {
			_, err := Bootstrap(t.Context(), b.work, b.cleaned, b.aggregated, testResampling, Checkpoint{}, noCheckpoint, r)
			return err
		},
		"charts": func(r Reporter) error {
			_, err := Charts(t.Context(), b.work, b.aggregated, done.Ranked, defaultTop, r)
			return err
		},
		"write": func(r Reporter) error {
			_, err := WriteHTML(t.Context(), b.work, done, ReportName, time.Time{}, r)
			return err
		},
	}
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			last, end := 0, 0
			require.NoError(t, phase(func(done, total int) {
				require.GreaterOrEqual(t, done, last, "progress never falls")
				require.LessOrEqual(t, done, total)
				last, end = done, total
			}))
			require.Positive(t, end)
			require.Equal(t, end, last)
		})
	}
}
