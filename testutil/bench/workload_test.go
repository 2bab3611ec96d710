package bench

import (
	"context"
	"fmt"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// shape is a workload: jobs of that many steps, that many types at once.
type shape struct {
	name               string
	types, jobs, steps int
}

func workloads() []shape {
	all := []shape{
		{"many", *types, *jobs, 5},
		{"alone", 1, *jobs / 10, 5},
		{"long", 1, 1, *steps},
		{"hot", 1, *jobs, 1},
		{"first", 1, 1, 1},
		{"burst", 2, 2, 1},
		{"process", 1, 1, 1},
	}
	return slices.DeleteFunc(all, func(s shape) bool { return !slices.Contains(strings.Split(*shapes, ","), s.name) })
}

func (s shape) String() string {
	return fmt.Sprintf("%s: %d x %d steps, %d at once", s.name, s.jobs, s.steps, s.types)
}

// system is something that runs jobs. Where a func is nil, the system cannot do
// that.
type system struct {
	name string
	on   []testdb.Kind
	// share and hotShare divide the jobs that it is given of any workload and
	// of the workload hot, for the slow. 0 is 1.
	share, hotShare int
	// prepare makes the tables and enqueues the jobs, and leaves no
	// connections behind.
	prepare func(ctx context.Context, t *testing.T, address string, s shape)
	// run runs the jobs to where the database has the last one as finished; and
	// then asserts that all are. It leaves no connections behind.
	run func(ctx context.Context, t *testing.T, address string, s shape) figure
	// serve runs jobs of one step, numbered from 0 and of as many types, until
	// it is stopped. began is called as a job's step begins.
	serve func(ctx context.Context, t *testing.T, address string, s shape, began func(job int)) (enqueue func(job int) error, stop func())
	// client enqueues the job 0 and runs nothing.
	client func(ctx context.Context, t *testing.T, address string) (enqueue func(job int) error, done func())
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

func measure(t *testing.T, kind testdb.Kind, empty func(*testing.T) string, one system, s shape) {
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
		watchStatements(t, kind, address, s)
		before := count(t, kind, address, s)
		took := one.run(ctx, t, address, s)
		done := float64(s.jobs * s.steps)
		result.value, result.note = done/took.time.Seconds(), ""
		result.perStep = count(t, kind, address, s).since(before).each(done)
		result.allocated = fmt.Sprintf("%.1f", float64(took.allocated)/1024/done)
	})
	add(result)
}

// figure is what a workload took.
type figure struct {
	time      time.Duration
	allocated uint64 // bytes, on Go's heap
}

// counter measures when the first step of a workload's first job and the last step of its
// last job are reached.
type counter struct {
	shape shape
	begin sync.Once
	began time.Time
	heap  uint64
	ended atomic.Int64
	done  chan struct{}
}

func lastOf(s shape) *counter { return &counter{shape: s, done: make(chan struct{}, 1)} }

func (c *counter) reached(_, step int) {
	c.begin.Do(func() { c.began, c.heap = time.Now(), allocated() })
	if step == c.shape.steps-1 && c.ended.Add(1) == int64(c.shape.jobs) {
		c.done <- struct{}{}
	}
}

// took is what it took since the first step began.
func (c *counter) took() figure {
	return figure{time: time.Since(c.began), allocated: allocated() - c.heap}
}

// allocated is how many bytes this process has allocated so far, those that are
// free again included.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func stepName(i int) string { return fmt.Sprint("step-", i) }

// reached waits for a signal out of the last step.
func reached(ctx context.Context, t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-ctx.Done():
		require.Fail(t, "the last step was not reached in time")
	}
}

// ending waits until a query gives the number that says that all is finished.
func ending(ctx context.Context, t *testing.T, address, query string, want int) {
	t.Helper()
	db := connect(t, address)
	defer db.Close()
	for got := -1; ; time.Sleep(time.Millisecond) {
		asked.Add(1)
		err := db.QueryRowContext(ctx, query).Scan(&got)
		if err == nil && got == want {
			return
		}
		require.NoError(t, ctx.Err(), "not finished in time: %s gives %d (%v), not %d", query, got, err, want)
	}
}
