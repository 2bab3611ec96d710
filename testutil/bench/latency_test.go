package bench

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// latencies are the lines of the workloads whose figure is a time: one for each
// job that is enqueued at once.
var latencies = map[string][]string{
	"first":   {"first: enqueue to step"},
	"burst":   {"burst, 1st: enqueue to step", "burst, 2nd: enqueue to step"},
	"process": {"process: enqueue in another to step"},
}

func measureLatency(t *testing.T, kind testdb.Kind, empty func(*testing.T) string, one system, s shape) {
	if one.serve == nil || s.name == "process" && (one.client == nil || kind != testdb.Postgres) {
		return
	}
	works := latencies[s.name]
	times := make([][]time.Duration, len(works))
	t.Run(one.name+"/"+s.name, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		address := empty(t)
		one.prepare(ctx, t, address, shape{s.name, s.types, 0, 1})
		times = sample(ctx, t, one, address, s)
	})
	for i, work := range works {
		addLatency(line{kind: kind, work: work, system: one.name}, times[i])
	}
}

func addLatency(l line, times []time.Duration) {
	l.unit, l.lessIsBetter = "ms, p50", true
	if n := len(times); n > 0 {
		slices.Sort(times)
		l.value = milliseconds(times[n/2])
		add(l)
		l.unit, l.value = "ms, p99", milliseconds(times[n*99/100])
	} else {
		l.note = "failed: see its messages"
	}
	add(l)
}

// measureCommits measures what a latency consists of whatever else happens: the
// commit of the enqueue, and that of the claim.
func measureCommits(t *testing.T, kind testdb.Kind, empty func(*testing.T) string, s shape) {
	if s.name != "first" && (s.name != "process" || kind != testdb.Postgres) {
		return
	}
	var times []time.Duration
	t.Run("floor/"+s.name, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		db := connect(t, empty(t))
		fill(t, kind, db)
		for i := range *samples {
			pause(i)
			start := time.Now()
			for _, query := range []string{
				fmt.Sprintf(`INSERT INTO floor (id, n, data) VALUES (%d, 0, '{"input": {"n": 1}}')`, floorRows+i),
				fmt.Sprintf("UPDATE floor SET n = 1 WHERE id = %d", floorRows+i),
			} {
				_, err := db.ExecContext(ctx, query)
				require.NoError(t, err)
			}
			times = append(times, time.Since(start))
		}
	})
	addLatency(line{kind: kind, work: latencies[s.name][0], system: "floor: INSERT and UPDATE, 2 commits"}, times)
}

// pause lets the systems be idle, for times that are in step with no poll.
func pause(i int) { time.Sleep(time.Duration(8+i%7) * time.Millisecond) }

// sample takes the times from a job's enqueueing to its step's begin, for each
// of those that are enqueued at once, of a system that is idle between them.
func sample(ctx context.Context, t *testing.T, one system, address string, s shape) [][]time.Duration {
	t.Helper()
	type begin struct {
		job int
		at  time.Time
	}
	began := make(chan begin, s.types)
	serving, stop := one.serve(ctx, t, address, s, func(job int) { began <- begin{job, time.Now()} })
	defer stop()
	enqueue := func(job int) (time.Time, error) {
		start := time.Now()
		return start, serving(job)
	}
	if s.name == "process" {
		var done func()
		enqueue, done = elsewhere(ctx, t, one, address)
		defer done()
	}
	time.Sleep(200 * time.Millisecond)

	const warmup = 5
	times := make([][]time.Duration, s.types)
	for i := range *samples + warmup {
		pause(i)
		starts := make([]time.Time, s.types)
		for job := range starts {
			var err error
			starts[job], err = enqueue(job)
			require.NoError(t, err)
		}
		for range starts {
			select {
			case b := <-began:
				if i >= warmup {
					times[b.job] = append(times[b.job], b.at.Sub(starts[b.job]))
				}
			case <-ctx.Done():
				require.Fail(t, "a step was not reached in time")
			}
		}
	}
	return times
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
