package flights

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// bundle is a work directory with a small, made-up half-year in it, cleaned and
// aggregated: three airports, 600 flights each.
type bundle struct {
	dir        string
	work       *Work
	loaded     Loaded
	cleaned    Cleaned
	aggregated Aggregated
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{dir: t.TempDir()}
	b.work = openWork(t, b.dir)
	var err error
	b.loaded, err = loadMadeUp(t.Context(), b.work, quiet)
	require.NoError(t, err)
	b.cleaned, err = Clean(t.Context(), b.work, b.loaded, quiet)
	require.NoError(t, err)
	b.aggregated, err = Aggregate(t.Context(), b.work, b.cleaned, quiet)
	require.NoError(t, err)
	return b
}

// loadMadeUp is Load with data that takes no time.
func loadMadeUp(ctx context.Context, w *Work, _ Reporter) (Loaded, error) {
	file, err := saveGob(ctx, w, "raw.gob", madeUp())
	return Loaded{Raw: file}, err
}

func openWork(t *testing.T, dir string) *Work {
	t.Helper()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, root.Close()) })
	w, err := OpenWork(root, "work/job")
	require.NoError(t, err)
	return w
}

func quiet(int, int) {}

var (
	kennedy  = Airport{Code: "JFK", City: "New York", State: "NY", Latitude: 40.63975, Longitude: -73.77893}
	ohare    = Airport{Code: "ORD", City: "Chicago", State: "IL", Latitude: 41.979595, Longitude: -87.90446}
	honolulu = Airport{Code: "HNL", City: "Honolulu", State: "HI", Latitude: 21.31869, Longitude: -157.92241}
)

// madeUp returns flights in which the airports differ in lateness.
func madeUp() *raw {
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

// embeddedData is the real data, read once for all tests, which do not change it.
var embeddedData = sync.OnceValues(func() (*raw, error) { return decode(context.Background(), quiet) })

func realData(t *testing.T) *raw {
	t.Helper()
	data, err := embeddedData()
	require.NoError(t, err)
	return data
}

// cancelled returns a context that has ended for a reason.
func cancelled(t *testing.T, reason error) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	return ctx
}
