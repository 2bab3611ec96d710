package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// BenchmarkSteps runs jobs of no-op steps, each durable before the next, over
// many types and one. The unit that matters is steps/s.
func BenchmarkSteps(b *testing.B) {
	for _, kind := range testdb.Kinds(b) {
		for _, shape := range []struct{ types, jobs, steps int }{{100, 1000, 5}, {1, 300, 1}, {1, 1, 300}} {
			b.Run(fmt.Sprintf("%s/types=%d,jobs=%d,steps=%d", kind, shape.types, shape.jobs, shape.steps), func(b *testing.B) {
				benchmarkSteps(b, kind, shape.types, shape.jobs, shape.steps)
			})
		}
	}
}

func benchmarkSteps(b *testing.B, kind testdb.Kind, types, jobs, count int) {
	db := testdb.Open(b, testdb.DSN(b, kind))
	eng, err := engine.New(db, engine.Config{Logger: quiet()})
	require.NoError(b, err)
	var ended atomic.Int64
	done := make(chan struct{}, 1)
	for k := range types {
		d := steps.Define[input](steps.Type(fmt.Sprint("type-", k)))
		for i := range count {
			steps.Do(d, fmt.Sprint("step-", i), func(context.Context, *steps.Run[input]) error {
				if i == count-1 && ended.Add(1) == int64(jobs) {
					done <- struct{}{}
				}
				return nil
			})
		}
		require.NoError(b, eng.Register(d))
	}
	var took time.Duration
	for b.Loop() {
		ended.Store(0)
		for i := range jobs {
			_, err := eng.Enqueue(b.Context(), engine.RawInput{Type: fmt.Sprint("type-", i%types)})
			require.NoError(b, err)
		}
		ctx, stop := context.WithCancel(b.Context())
		stopped := make(chan error, 1)
		began := time.Now()
		go func() { stopped <- eng.Run(ctx) }()
		<-done
		took += time.Since(began)
		stop()
		require.NoError(b, <-stopped)
	}
	n := float64(b.N * jobs)
	b.ReportMetric(n*float64(count)/took.Seconds(), "steps/s")
	b.ReportMetric(n/took.Seconds(), "jobs/s")
}

// BenchmarkProgress is the cost of 100,000 Run.Progress calls in one step.
func BenchmarkProgress(b *testing.B) {
	const calls = 100_000
	db := testdb.Open(b, testdb.DSN(b, testdb.SQLite))
	eng, err := engine.New(db, engine.Config{Logger: quiet()})
	require.NoError(b, err)
	took := make(chan time.Duration, 1)
	d := steps.Define[input]()
	steps.Do(d, "reports", func(_ context.Context, run *steps.Run[input]) error {
		began := time.Now()
		for i := range calls {
			run.Progress(i, calls, "row %d of %d", i, calls)
		}
		took <- time.Since(began)
		return nil
	})
	require.NoError(b, eng.Register(d))
	ctx, stop := context.WithCancel(b.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- eng.Run(ctx) }()
	var all time.Duration
	for b.Loop() {
		_, err := eng.Enqueue(b.Context(), input{})
		require.NoError(b, err)
		all += <-took
	}
	b.ReportMetric(float64(all.Milliseconds())/float64(b.N), "ms/100k-calls")
	stop()
	require.NoError(b, <-stopped)
}
