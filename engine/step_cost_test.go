package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// BenchmarkStepCost measures what a step costs in a short job and in a long one, whose
// document grows with its steps: the time from the first step's begin to the last one's, in
// a job that runs alone. The unit that matters is ms/step.
func BenchmarkStepCost(b *testing.B) {
	for _, kind := range testdb.Kinds(b) {
		for _, count := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/steps=%d", kind, count), func(b *testing.B) { benchmarkStepCost(b, kind, count) })
		}
	}
}

func benchmarkStepCost(b *testing.B, kind testdb.Kind, count int) {
	eng, err := engine.New(testdb.Open(b, testdb.DSN(b, kind)), engine.Config{Logger: quiet()})
	require.NoError(b, err)
	var began time.Time
	took := make(chan time.Duration, 1)
	d := steps.Define[input]()
	for i := range count {
		steps.Do(d, fmt.Sprint("step-", i), func(context.Context, *steps.Run[input]) error {
			switch i {
			case 0:
				began = time.Now()
			case count - 1:
				took <- time.Since(began)
			}
			return nil
		})
	}
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
	b.ReportMetric(float64(all)/float64(time.Millisecond)/float64(b.N*(count-1)), "ms/step")
	stop()
	require.NoError(b, <-stopped)
}
