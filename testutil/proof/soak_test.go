package proof_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

var soak = flag.Duration("soak", 2*time.Minute, "how long TestASoakLeavesNothingBehind goes on")

// A short day: jobs of all kinds come and go, workers are killed, stopped and frozen, and
// old jobs are deleted from the table, round after round. One worker is left alone: what it
// needs, what the database has open for it and how large the tables are does not grow from
// the first rounds to the last.
func TestASoakLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	var table proof.Table
	t.Cleanup(func() { t.Logf("\n%s", &table) })
	testdb.EachDSN(t, func(t *testing.T, text string) {
		settings := proof.Short(proof.Types(0)...)
		db := testdb.Open(t, text)
		fleet := proof.NewFleet(t, text)
		s := &soaking{db: db, settings: settings, crowd: newCrowd(t, db, fleet, settings), lasting: fleet, steady: fleet.Start(settings)}
		length := min(*soak/8, time.Minute)
		for began := time.Now(); time.Since(began) < *soak || len(s.sizes) < 4; {
			s.round(t, text, length, &table)
		}
		require.NoError(t, s.steady.Stop())
		s.flat(t)
	})
}

// soaking is what lasts over the rounds.
type soaking struct {
	db       *bun.DB
	settings proof.Settings
	crowd    *crowd
	lasting  *proof.Fleet
	steady   *proof.Worker
	// sizes are the tables' after each round, in bytes.
	sizes []map[string]int64
}

// round makes people and workers work for a while, proves that all is correct, and deletes
// the jobs.
func (s *soaking) round(t *testing.T, text string, length time.Duration, table *proof.Table) {
	t.Helper()
	fleet := proof.NewFleet(t, text)
	watch := proof.NewWatch(s.db)
	stopWatch := watch.Keep(t, 200*time.Millisecond)
	begun := proof.Now()
	s.crowd.forget()
	done := s.crowd.busy(t)
	others := []*proof.Worker{fleet.Start(s.settings), fleet.Start(s.settings)}
	faults := 0
	for began := time.Now(); time.Since(began) < length; faults++ {
		pause(t, 200*time.Millisecond+rand.N(time.Second)) // the moment is random
		i := rand.N(len(others))
		switch rand.N(3) {
		case 0:
			others[i].Kill()
			others[i] = fleet.Start(s.settings)
		case 1:
			require.NoError(t, others[i].Stop())
			others[i] = fleet.Start(s.settings)
		default:
			require.NoError(t, others[i].Freeze())
			pause(t, s.settings.Lease+rand.N(s.settings.Lease))
			require.NoError(t, others[i].Thaw())
		}
	}
	done()
	s.crowd.settle(t)
	for _, w := range others {
		assert.NoError(t, w.Stop())
	}
	stopWatch()

	ledger, err := proof.ReadLedgers(fleet.Dir())
	require.NoError(t, err)
	lasting, err := proof.ReadLedgers(s.lasting.Dir())
	require.NoError(t, err)
	ledger = append(ledger, slices.DeleteFunc(lasting, func(e proof.Entry) bool { return e.At < begun })...)
	slices.SortStableFunc(ledger, func(a, b proof.Entry) int { return cmp.Compare(a.At, b.At) })
	fleets := []*proof.Fleet{fleet, s.lasting}
	findings, err := proof.Check(t.Context(), proof.Evidence{
		DB: s.db, Jobs: s.crowd.all(), Watch: watch, Ledger: ledger, Fleets: fleets, Lease: s.settings.Lease, Heartbeat: s.settings.Heartbeat,
	})
	require.NoError(t, err)
	proof.Report(t, fmt.Sprintf("round %d", len(s.sizes)+1), findings)
	recovered := slices.Max(append(proof.Recoveries(ledger, fleets...), 0))
	table.Add(fmt.Sprintf("%s: soak, killed, stopped and frozen", s.db.Dialect().Name()), faults, findings, recovered)
	s.sizes = append(s.sizes, sizes(t, s.db))
	t.Logf("round %d: %d jobs, %d faults, longest to recover %v, bytes %v", len(s.sizes), len(s.crowd.all()), faults, recovered.Round(time.Millisecond), s.sizes[len(s.sizes)-1])
	// As hosts do with old jobs.
	for _, from := range []string{"job_system_jobs", "proof_effects"} {
		_, err := s.db.NewRaw("DELETE FROM " + from).Exec(t.Context())
		require.NoError(t, err)
	}
	// So that the next round uses the space again, whenever the server would have come to it.
	if s.db.Dialect().Name() == dialect.PG {
		_, err := s.db.NewRaw("VACUUM").Exec(t.Context())
		require.NoError(t, err)
	}
}

// growth is the maximum of the ratio of the end to the beginning: what is in progress
// varies.
const growth = 3

// flat checks that nothing has grown: the maximum of the first quarter against that of the
// last one.
func (s *soaking) flat(t *testing.T) {
	t.Helper()
	vitals, err := s.steady.Vitals()
	require.NoError(t, err)
	require.Greater(t, len(vitals), 8)
	heap := func(v proof.Vitals) int64 { return int64(v.Heap) }
	routines := func(v proof.Vitals) int64 { return int64(v.Goroutines) }
	files := func(v proof.Vitals) int64 { return int64(v.Files) }
	assertFlat(t, "heap after a collection, bytes", vitals, heap, 4<<20)
	assertFlat(t, "goroutines", vitals, routines, 20)
	assertFlat(t, "open files and connections", vitals, files, 10)
	for name := range s.sizes[0] {
		assertFlat(t, name+", bytes", s.sizes, func(size map[string]int64) int64 { return size[name] }, 4<<20)
	}
}

// assertFlat checks one figure; no more than few at the end is never too much.
func assertFlat[T any](t *testing.T, what string, all []T, figure func(T) int64, few int64) {
	t.Helper()
	most := func(some []T) (most int64) {
		for _, one := range some {
			most = max(most, figure(one))
		}
		return most
	}
	quarter := max(1, len(all)/4)
	first, last := most(all[:quarter]), most(all[len(all)-quarter:])
	t.Logf("%s: %d in the first quarter, %d in the last", what, first, last)
	assert.LessOrEqual(t, last, max(few, growth*first), "%s: %d at first", what, first)
}

// sizes returns the sizes of the tables with all that belongs to them; on SQLite, of the
// files.
func sizes(t *testing.T, db *bun.DB) map[string]int64 {
	t.Helper()
	all := make(map[string]int64)
	for _, name := range []string{"job_system_jobs", "job_type_lock"} {
		query := map[string]string{
			"pg":    "SELECT pg_total_relation_size('" + name + "')",
			"mysql": "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '" + name + "'",
		}[db.Dialect().Name().String()]
		if query == "" {
			continue
		}
		var size int64
		require.NoError(t, db.NewRaw(query).Scan(t.Context(), &size))
		all[name] = size
	}
	if len(all) > 0 {
		return all
	}
	var file string
	require.NoError(t, db.NewRaw("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(t.Context(), &file))
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(file + suffix)
		require.NoError(t, err)
		all["the file"+strings.ReplaceAll(suffix, "-", " and its ")] = info.Size()
	}
	return all
}

// forget makes the crowd begin again.
func (c *crowd) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs, c.regretted = nil, nil
}
