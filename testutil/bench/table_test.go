package bench

import (
	"cmp"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/testutil"
)

var (
	smoke     = flag.Bool("smoke", false, "do a twentieth of the work")
	databases = flag.String("db", "sqlite,postgres,mariadb", "databases to measure on")
	only      = flag.String("only", "", "systems to measure, by the beginning of their names (ours, floor, River, DBOS, go-workflows); empty: all")
	shapes    = flag.String("workloads", "many,long,hot,first", "workloads to measure")
	jobs      = flag.Int("jobs", 2000, "jobs of the workloads many and hot")
	steps     = flag.Int("steps", 1000, "steps of the workload long")
	types     = flag.Int("types", 100, "types of the workload many")
	samples   = flag.Int("samples", 200, "samples of a latency")
	floorTime = flag.Duration("floor", time.Second, "time to measure each floor for")
	statement = flag.Bool("statements", false, "on PostgreSQL, count the statements too, and print those that took longest (slows everything by some percent)")
	riverPool = flag.Int("riverpool", 32, "River's connections to PostgreSQL")
	dbosPool  = flag.Int("dbospool", 20, "DBOS's connections to PostgreSQL")
)

// limit is how long one measurement may take.
const limit = 90 * time.Second

func TestMain(m *testing.M) { testutil.Main(m) }

// shape is a workload: jobs of that many steps, that many types at once.
type shape struct {
	name               string
	types, jobs, steps int
}

func (s shape) String() string {
	if s.name == "first" {
		return "first: enqueue to first step"
	}
	return fmt.Sprintf("%s: %d x %d steps, %d at once", s.name, s.jobs, s.steps, s.types)
}

// system is something that runs jobs. Where a func is nil, the system cannot do
// that.
type system struct {
	name string
	on   []testutil.Kind
	// share and hotShare divide the jobs that it is given of any workload and
	// of the workload hot, for the slow. 0 is 1.
	share, hotShare int
	// prepare makes the tables and enqueues the jobs, and leaves no
	// connections behind.
	prepare func(ctx context.Context, t *testing.T, address string, s shape)
	// run runs the jobs and returns how long that took, to where the database
	// has the last one as finished; and then asserts that all are.
	run func(ctx context.Context, t *testing.T, address string, s shape) time.Duration
	// first takes samples of the time from enqueue to first step.
	first func(ctx context.Context, t *testing.T, address string, n int) []time.Duration
}

// line is one line of the table.
type line struct {
	kind          testutil.Kind
	work          string
	system        string
	value         float64 // 0: none, see note
	unit          string
	lessIsBetter  bool
	perStep, note string
}

var table []line

func add(l line) {
	table = append(table, l)
	fmt.Fprintf(os.Stderr, "%s  %-9s %-34s %-34s %10.1f %-12s %s %s\n",
		time.Now().Format("15:04:05"), l.kind, l.work, l.system, l.value, l.unit, l.perStep, l.note)
}

func TestTable(t *testing.T) {
	if *smoke {
		*jobs, *steps, *samples, *floorTime = *jobs/20, *steps/20, *samples/20, *floorTime/20
	}
	all := []shape{
		{"many", *types, *jobs, 5},
		{"long", 1, 1, *steps},
		{"hot", 1, *jobs, 1},
		{"first", 1, 1, 1},
	}
	all = slices.DeleteFunc(all, func(s shape) bool { return !slices.Contains(strings.Split(*shapes, ","), s.name) })
	for _, kind := range strings.Split(*databases, ",") {
		began := len(table)
		t.Run(kind, func(t *testing.T) { measureAll(t, testutil.Kind(kind), all) })
		if len(table) == began {
			add(line{kind: testutil.Kind(kind), note: "not measured: missing on this machine"})
		}
	}
	show(os.Stdout, t.TempDir())
}

func measureAll(t *testing.T, kind testutil.Kind, all []shape) {
	empty := database(t, kind)
	for _, s := range all {
		if s.name != "first" && wanted("floor") {
			measureFloor(t, kind, empty, s)
		}
		for _, one := range systems() {
			if !slices.Contains(one.on, kind) || !wanted(one.name) {
				continue
			}
			if s.name == "first" {
				measureFirst(t, kind, empty, one, s)
				continue
			}
			measure(t, kind, empty, one, s)
		}
	}
}

// systems are all there is to compare, ours before the others.
func systems() []system {
	return slices.Concat(oursSystems(), riverSystems(), dbosSystems(), goWorkflowsSystems())
}

func wanted(name string) bool {
	if *only == "" {
		return true
	}
	return slices.ContainsFunc(strings.Split(*only, ","), func(one string) bool { return strings.HasPrefix(name, one) })
}

// database returns a func that makes an empty one.
func database(t *testing.T, kind testutil.Kind) func(*testing.T) string {
	if kind == testutil.SQLite {
		return func(t *testing.T) string { return dsn.File(filepath.Join(t.TempDir(), "bench.db")) }
	}
	server := testutil.StartServer(t, kind)
	if kind == testutil.Postgres {
		db := connect(t, server.EmptyDSN(t))
		for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
			require.Equal(t, "on", scan[string](t, db, "SHOW "+setting), setting)
		}
		serverVersion[kind] = scan[string](t, db, "SHOW server_version")
		if *statement {
			_, err := db.Exec("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
			require.NoError(t, err)
			require.NoError(t, db.Close())
			require.NoError(t, server.Restart())
		}
	} else {
		db := connect(t, server.EmptyDSN(t))
		require.Equal(t, 1, scan[int](t, db, "SELECT @@innodb_flush_log_at_trx_commit"))
		serverVersion[kind] = scan[string](t, db, "SELECT version()")
	}
	return func(t *testing.T) string { return server.EmptyDSN(t) }
}

var serverVersion = map[testutil.Kind]string{}

func measure(t *testing.T, kind testutil.Kind, empty func(*testing.T) string, one system, s shape) {
	if one.run == nil {
		return
	}
	if s.jobs > 1 {
		s.jobs = max(1, s.jobs/max(1, one.share))
		if s.name == "hot" {
			s.jobs = max(1, s.jobs/max(1, one.hotShare))
		}
	}
	result := line{kind: kind, work: s.String(), system: one.name, unit: "steps/s", note: "failed: see its messages"}
	t.Run(one.name+"/"+s.name, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		address := empty(t)
		one.prepare(ctx, t, address, s)
		before := commits(t, kind, address)
		resetStatements(t, kind, address)
		took := one.run(ctx, t, address, s)
		done := float64(s.jobs * s.steps)
		result.value, result.note = done/took.Seconds(), ""
		if kind == testutil.Postgres {
			result.perStep = fmt.Sprintf("%.2f", float64(commits(t, kind, address)-before)/done) + countStatements(t, address, done)
		}
	})
	add(result)
}

func measureFirst(t *testing.T, kind testutil.Kind, empty func(*testing.T) string, one system, s shape) {
	if one.first == nil {
		return
	}
	result := line{kind: kind, work: s.String(), system: one.name, unit: "ms, p50", lessIsBetter: true, note: "failed: see its messages"}
	var high time.Duration
	t.Run(one.name+"/"+s.name, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		address := empty(t)
		one.prepare(ctx, t, address, shape{"first", 1, 0, 1})
		times := one.first(ctx, t, address, *samples)
		slices.Sort(times)
		result.value, result.note = milliseconds(times[len(times)/2]), ""
		high = times[len(times)*99/100]
	})
	add(result)
	if high > 0 {
		result.unit, result.value = "ms, p99", milliseconds(high)
		add(result)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// commits is how many transactions a PostgreSQL database has seen. A server
// process tells at its end at the latest, so all of them must have gone.
func commits(t *testing.T, kind testutil.Kind, address string) int {
	if kind != testutil.Postgres {
		return 0
	}
	t.Helper()
	config := parsePostgres(t, address)
	other, err := dsn.WithDatabase(address, "postgres")
	require.NoError(t, err)
	db := connect(t, other)
	defer db.Close()
	require.Eventually(t, func() bool {
		return scan[int](t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'", config.Database) == 0
	}, 20*time.Second, 10*time.Millisecond, "a connection is left")
	return scan[int](t, db, "SELECT xact_commit FROM pg_stat_database WHERE datname = $1", config.Database)
}

// resetStatements begins to count the statements.
func resetStatements(t *testing.T, kind testutil.Kind, address string) {
	if kind != testutil.Postgres || !*statement {
		return
	}
	t.Helper()
	other, err := dsn.WithDatabase(address, "postgres")
	require.NoError(t, err)
	db := connect(t, other)
	defer db.Close()
	for _, command := range []string{
		"CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
		"ALTER SYSTEM SET pg_stat_statements.track_planning = on",
		"SELECT pg_reload_conf()",
		"SELECT pg_stat_statements_reset()",
	} {
		_, err = db.Exec(command)
		require.NoError(t, err, command)
	}
}

// countStatements is how many statements each of the steps took, without BEGIN
// and COMMIT and without the runs' own questions, and prints the longest.
func countStatements(t *testing.T, address string, done float64) string {
	if !*statement {
		return ""
	}
	t.Helper()
	other, err := dsn.WithDatabase(address, "postgres")
	require.NoError(t, err)
	db := connect(t, other)
	defer db.Close()
	rows, err := db.Query(`SELECT calls, total_plan_time, total_exec_time, wal_bytes, left(regexp_replace(query, '\s+', ' ', 'g'), 160)
		FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
		WHERE d.datname = $1 AND query !~* '^(begin|commit|rollback|select count)' ORDER BY total_plan_time + total_exec_time DESC`, parsePostgres(t, address).Database)
	require.NoError(t, err)
	defer rows.Close()
	all, planned, executed := 0, 0.0, 0.0
	for n := 0; rows.Next(); n++ {
		var calls int
		var plan, took, wal float64
		var query string
		require.NoError(t, rows.Scan(&calls, &plan, &took, &wal, &query))
		all, planned, executed = all+calls, planned+plan, executed+took
		if n < 6 {
			fmt.Fprintf(os.Stderr, "          %6d calls, %7.0f ms in all, each %.3f ms to plan, %.3f ms to execute, %.0f bytes of log: %s\n",
				calls, plan+took, plan/float64(calls), took/float64(calls), wal/float64(calls), query)
		}
	}
	require.NoError(t, rows.Err())
	fmt.Fprintf(os.Stderr, "          %6d calls of all statements, %.0f ms to plan, %.0f ms to execute\n", all, planned, executed)
	return fmt.Sprintf(" (%.2f)", float64(all)/done)
}

// connect opens a database with the bare driver, and the settings of package
// dsn on SQLite and MariaDB.
func connect(t *testing.T, address string) *sql.DB {
	t.Helper()
	var db *sql.DB
	var err error
	if strings.HasPrefix(address, "postgres") {
		db, err = sql.Open("pgx", address)
		require.NoError(t, err)
	} else {
		b, err := dsn.Open(t.Context(), address)
		require.NoError(t, err)
		db = b.DB
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func scan[T any](t *testing.T, db *sql.DB, query string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, db.QueryRow(query, args...).Scan(&v), query)
	return v
}

// ending waits until a query gives the number that says that all is finished.
func ending(ctx context.Context, t *testing.T, address, query string, want int) {
	t.Helper()
	db := connect(t, address)
	defer db.Close()
	for got := -1; ; time.Sleep(time.Millisecond) {
		err := db.QueryRowContext(ctx, query).Scan(&got)
		if err == nil && got == want {
			return
		}
		require.NoError(t, ctx.Err(), "not finished in time: %s gives %d (%v), not %d", query, got, err, want)
	}
}

// reached waits for a signal out of the last step.
func reached(ctx context.Context, t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-ctx.Done():
		require.Fail(t, "the last step was not reached in time")
	}
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// spaced takes n latencies of something that is idle between them; enqueue
// must make a step that sends the time of its begin.
func spaced(ctx context.Context, t *testing.T, n int, began <-chan time.Time, enqueue func() error) []time.Duration {
	t.Helper()
	const warmup = 5
	times := make([]time.Duration, 0, n)
	for i := range n + warmup {
		time.Sleep(time.Duration(8+i%7) * time.Millisecond)
		start := time.Now()
		require.NoError(t, enqueue())
		select {
		case at := <-began:
			if i >= warmup {
				times = append(times, at.Sub(start))
			}
		case <-ctx.Done():
			require.Fail(t, "a first step was not reached in time")
		}
	}
	return times
}

func show(out io.Writer, dir string) {
	fmt.Fprintf(out, "\n%s, %s/%s, %d CPUs, GOMAXPROCS %d, %s; fsync of 4 KB in %s: %.2f ms\n",
		time.Now().Format(time.RFC3339), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.GOMAXPROCS(0), runtime.Version(),
		os.TempDir(), milliseconds(syncTime(dir)))
	for kind, version := range serverVersion {
		fmt.Fprintf(out, "%s %s; ", kind, version)
	}
	fmt.Fprintln(out, versions())
	fmt.Fprint(out, "\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "database\twork\tsystem\tvalue\tunit\tours/it\ttx/step")
	fmt.Fprintln(w, "--------\t----\t------\t-----\t----\t-------\t-------")
	for _, l := range sorted(table) {
		value := fmt.Sprintf("%.0f", l.value)
		if l.lessIsBetter {
			value = fmt.Sprintf("%.2f", l.value)
		}
		if l.note != "" {
			value = l.note
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.kind, l.work, l.system, value, l.unit, ratio(l), l.perStep)
	}
	w.Flush()
	fmt.Fprintln(out, "\nSettings and what is measured: the package's documentation (go doc .)")
}

// sorted puts the lines of one workload together, ours first.
func sorted(lines []line) []line {
	lines = slices.Clone(lines)
	order := func(l line) int {
		return slices.IndexFunc([]string{"ours", "floor", ""}, func(p string) bool { return strings.HasPrefix(l.system, p) })
	}
	work := func(l line) int {
		return slices.IndexFunc([]string{"many", "long", "hot", "first", ""}, func(p string) bool { return strings.HasPrefix(l.work, p) })
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(work(a), work(b)), cmp.Compare(a.unit, b.unit)*boolInt(a.lessIsBetter && b.lessIsBetter), cmp.Compare(order(a), order(b)))
	})
	return lines
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ratio is ours by that line's, in the sense that more is better. Workloads
// are the same by the first word: a slow peer does fewer jobs.
func ratio(l line) string {
	i := slices.IndexFunc(table, func(o line) bool {
		first, _, _ := strings.Cut(o.work, ":")
		return o.system == "ours" && o.kind == l.kind && strings.HasPrefix(l.work, first+":") && o.lessIsBetter == l.lessIsBetter &&
			(!o.lessIsBetter || o.unit == l.unit)
	})
	if i < 0 || l.system == "ours" || l.value == 0 || table[i].value == 0 {
		return ""
	}
	if l.lessIsBetter {
		return fmt.Sprintf("%.2f", l.value/table[i].value)
	}
	return fmt.Sprintf("%.2f", table[i].value/l.value)
}

// versions are those of what is measured. (A test binary does not know its
// modules' versions.)
func versions() string {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		return err.Error()
	}
	var found []string
	for _, part := range []string{"github.com/riverqueue/river ", "github.com/dbos-inc/dbos-transact-golang ", "github.com/cschleiden/go-workflows ",
		"github.com/jackc/pgx/v5 ", "github.com/go-sql-driver/mysql ", "modernc.org/sqlite ", "github.com/uptrace/bun "} {
		if _, rest, ok := strings.Cut(string(text), "\t"+part); ok {
			version, _, _ := strings.Cut(rest, "\n")
			version, _, _ = strings.Cut(version, " ")
			found = append(found, strings.TrimPrefix(part, "github.com/")+version)
		}
	}
	return strings.Join(found, ", ")
}

// syncTime is the median time to write and sync a page.
func syncTime(dir string) time.Duration {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0
	}
	defer f.Close()
	page := make([]byte, 4096)
	var times []time.Duration
	for range 200 {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0
		}
		if err := f.Sync(); err != nil {
			return 0
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times[len(times)/2]
}
