package flights

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// fixture is a work directory with generated data that is cleaned and aggregated:
// three airports with 600 flights each.
type fixture struct {
	dir        string
	work       *WorkDir
	loaded     Loaded
	cleaned    Cleaned
	aggregated Aggregated
}

func setup(t *testing.T) *fixture {
	t.Helper()
	b := &fixture{dir: t.TempDir()}
	b.work = openWork(t, b.dir)
	var err error
	b.loaded, err = loadGenerated(t.Context(), b.work, noReport)
	require.NoError(t, err)
	b.cleaned, err = Clean(t.Context(), b.work, b.loaded, noReport)
	require.NoError(t, err)
	b.aggregated, err = Aggregate(t.Context(), b.work, b.cleaned, noReport)
	require.NoError(t, err)
	return b
}

// loadGenerated replaces Load; it loads generated data, which is fast.
func loadGenerated(ctx context.Context, w *WorkDir, _ Reporter) (Loaded, error) {
	file, err := saveGob(ctx, w, "raw.gob", generateData())
	return Loaded{Raw: file}, err
}

func openWork(t *testing.T, dir string) *WorkDir {
	t.Helper()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, root.Close()) })
	w, err := OpenWorkDir(root, "work/job")
	require.NoError(t, err)
	return w
}

func noReport(int, int) {}

var (
	kennedy  = Airport{Code: "JFK", City: "New York", State: "NY", Latitude: 40.63975, Longitude: -73.77893}
	ohare    = Airport{Code: "ORD", City: "Chicago", State: "IL", Latitude: 41.979595, Longitude: -87.90446}
	honolulu = Airport{Code: "HNL", City: "Honolulu", State: "HI", Latitude: 21.31869, Longitude: -157.92241}
)

// generateData returns flights of airports with different delays.
func generateData() *raw {
	random := rand.New(rand.NewPCG(1, 1))
	data := &raw{
		Codes: []string{"HNL", "JFK", "ORD"}, Airports: []Airport{honolulu, kennedy, ohare},
		Dated: Sample{Origin: []int32{}, Destination: []int32{}},
	}
	for i := range 1800 {
		from, to := int32(i%3), int32((i+1)%3)
		minute := int32(i*days/1800*minutesPerDay) + 5*60 + random.Int32N(18*60)
		delay := random.Int32N(40) - 20 + from*5
		miles := int32(data.Airports[from].milesTo(data.Airports[to]))
		data.Dated.Minute = append(data.Dated.Minute, minute)
		data.Dated.Delay = append(data.Dated.Delay, delay)
		data.Dated.Miles = append(data.Dated.Miles, miles)
		data.Dated.Origin = append(data.Dated.Origin, from)
		data.Dated.Destination = append(data.Dated.Destination, to)
		data.Undated.Minute = append(data.Undated.Minute, minute%minutesPerDay)
		data.Undated.Delay = append(data.Undated.Delay, delay)
		data.Undated.Miles = append(data.Undated.Miles, miles)
	}
	return data
}

// embeddedData returns the real data. It is decoded once for all tests, which do not
// change it.
var embeddedData = sync.OnceValues(func() (*raw, error) { return decodeData(context.Background(), noReport) })

func realData(t *testing.T) *raw {
	t.Helper()
	data, err := embeddedData()
	require.NoError(t, err)
	return data
}

// cancelledContext returns a context that has ended with a cause.
func cancelledContext(t *testing.T, cause error) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	return ctx
}
