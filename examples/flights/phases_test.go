package flights

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ranked has the bundle's airports ranked and drawn.
func (b *bundle) results(t *testing.T) Results {
	t.Helper()
	ranked, err := b.bootstrap(t, Mark{}, always)
	require.NoError(t, err)
	charted, err := Charts(t.Context(), b.work, b.aggregated, ranked, defaultTop, quiet)
	require.NoError(t, err)
	return Results{Cleaned: b.cleaned, Aggregated: b.aggregated, Ranked: ranked, Charted: charted}
}

func TestEveryPhaseObeysItsContext(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.results(t)
	reason := errors.New("enough")
	ctx := cancelled(t, reason)
	phases := map[string]func() error{
		"load":      func() error { _, err := Load(ctx, b.work, quiet); return err },
		"clean":     func() error { _, err := Clean(ctx, b.work, b.loaded, quiet); return err },
		"aggregate": func() error { _, err := Aggregate(ctx, b.work, b.cleaned, quiet); return err },
		"charts": func() error {
			_, err := Charts(ctx, b.work, b.aggregated, done.Ranked, defaultTop, quiet)
			return err
		},
		"write": func() error {
			_, err := WriteHTML(ctx, b.work, done, ReportName, time.Time{}, quiet)
			return err
		},
	}
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, phase(), reason)
		})
	}
	require.NoFileExists(t, b.dir+"/"+ReportName, "a cancelled phase writes no report")
}

func TestEveryPhaseRefusesAnAlteredFileOfTheOneBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.results(t)
	spoil := func(f File) File { f.SHA256 = sumOf(nil); return f }
	phases := map[string]func() error{
		"clean": func() error {
			_, err := Clean(t.Context(), b.work, Loaded{Raw: spoil(b.loaded.Raw)}, quiet)
			return err
		},
		"aggregate": func() error {
			_, err := Aggregate(t.Context(), b.work, Cleaned{Flights: spoil(b.cleaned.Flights)}, quiet)
			return err
		},
		"bootstrap": func() error {
			_, err := Bootstrap(t.Context(), b.work, b.cleaned, Aggregated{Figures: spoil(b.aggregated.Figures)}, howOften, Mark{}, always, quiet)
			return err
		},
		"charts": func() error {
			_, err := Charts(t.Context(), b.work, b.aggregated, Ranked{Ranking: spoil(done.Ranked.Ranking)}, defaultTop, quiet)
			return err
		},
		"write": func() error {
			in := done
			in.Charted = Charted{Charts: []Chart{{Name: hoursChart, File: spoil(done.Charted.Charts[0].File)}}}
			_, err := WriteHTML(t.Context(), b.work, in, ReportName, time.Time{}, quiet)
			return err
		},
	}
	for name, phase := range phases {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, phase(), ErrWork)
		})
	}
}

func TestEveryPhaseReportsUpToItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.results(t)
	phases := map[string]func(Reporter) error{
		"load":      func(r Reporter) error { _, err := Load(t.Context(), openWork(t, t.TempDir()), r); return err },
		"clean":     func(r Reporter) error { _, err := Clean(t.Context(), b.work, b.loaded, r); return err },
		"aggregate": func(r Reporter) error { _, err := Aggregate(t.Context(), b.work, b.cleaned, r); return err },
		"bootstrap": func(r Reporter) error {
			_, err := Bootstrap(t.Context(), b.work, b.cleaned, b.aggregated, howOften, Mark{}, always, r)
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
				require.GreaterOrEqual(t, done, last, "never back")
				require.LessOrEqual(t, done, total)
				last, end = done, total
			}))
			require.Positive(t, end)
			require.Equal(t, end, last)
		})
	}
}
