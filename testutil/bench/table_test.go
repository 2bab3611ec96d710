package bench

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

var (
	smoke     = flag.Bool("smoke", false, "do a twentieth of the work")
	databases = flag.String("db", "sqlite,postgres,mariadb", "databases to measure on")
	only      = flag.String("only", "", "systems to measure, by the beginning of their names (ours, floor, River, DBOS, go-workflows); empty: all")
	shapes    = flag.String("workloads", "many,alone,long,hot,first,burst,process", "workloads to measure")
	jobs      = flag.Int("jobs", 2000, "jobs of the workloads many and hot; a tenth of them of alone")
	steps     = flag.Int("steps", 1000, "steps of the workload long")
	types     = flag.Int("types", 100, "types of the workload many")
	samples   = flag.Int("samples", 200, "samples of a latency")
	floorTime = flag.Duration("floor", time.Second, "time to measure each floor for")
	riverPool = flag.Int("riverpool", 32, "River's connections to PostgreSQL")
	dbosPool  = flag.Int("dbospool", 20, "DBOS's connections to PostgreSQL")

	statements = flag.Bool("statements", false, "on PostgreSQL, count the statements of all workloads, and print those that took longest (slows everything by some percent)")
)

// limit is how long one measurement may take.
const limit = 90 * time.Second

func TestMain(m *testing.M) { testdb.Main(m) }

// line is one line of the table.
type line struct {
	kind         testdb.Kind
	work         string
	system       string
	value        float64 // 0: none, see note
	unit         string
	lessIsBetter bool
	perStep      string // transactions, and statements
	allocated    string // KB for each step
	note         string
}

var table []line

func add(l line) {
	table = append(table, l)
	fmt.Fprintf(os.Stderr, "%s  %-9s %-34s %-34s %10.1f %-12s %s %s %s\n",
		time.Now().Format("15:04:05"), l.kind, l.work, l.system, l.value, l.unit, l.perStep, l.allocated, l.note)
}

func TestTable(t *testing.T) {
	if *smoke {
		*jobs, *steps, *samples, *floorTime = *jobs/20, *steps/20, *samples/20, *floorTime/20
	}
	all := workloads()
	for _, kind := range strings.Split(*databases, ",") {
		began := len(table)
		t.Run(kind, func(t *testing.T) { measureAll(t, testdb.Kind(kind), all) })
		if len(table) == began {
			add(line{kind: testdb.Kind(kind), note: "not measured: missing on this machine"})
		}
	}
	show(os.Stdout, t.TempDir())
}

func measureAll(t *testing.T, kind testdb.Kind, all []shape) {
	empty := database(t, kind)
	for _, s := range all {
		_, latency := latencies[s.name]
		if wanted("floor") {
			floor := measureFloor
			if latency {
				floor = measureCommits
			}
			floor(t, kind, empty, s)
		}
		for _, one := range systems() {
			switch {
			case !slices.Contains(one.on, kind) || !wanted(one.name):
			case latency:
				measureLatency(t, kind, empty, one, s)
			default:
				measure(t, kind, empty, one, s)
			}
		}
	}
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
	fmt.Fprintln(w, "database\twork\tsystem\tvalue\tunit\tours/it\ttx/step (statements)\tKB/step")
	fmt.Fprintln(w, "--------\t----\t------\t-----\t----\t-------\t--------------------\t-------")
	for _, l := range sorted(table) {
		value := fmt.Sprintf("%.0f", l.value)
		if l.lessIsBetter {
			value = fmt.Sprintf("%.2f", l.value)
		}
		if l.note != "" {
			value = l.note
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.kind, l.work, l.system, value, l.unit, ratio(l), l.perStep, l.allocated)
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
		return slices.IndexFunc([]string{"many", "alone", "long", "hot", "first", "burst, 1st", "burst, 2nd", "process", ""}, func(p string) bool { return strings.HasPrefix(l.work, p) })
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
// are the same by what stands before the colon: a slow peer does fewer jobs.
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

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}
