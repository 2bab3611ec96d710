package steps_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// perform runs one job of a definition to its end, on a database in memory.
func perform(d steps.Handler, input steps.Input) *model.JobView {
	ctx, stop := context.WithCancel(context.Background())
	db, err := dsn.Open(ctx, "sqlite://:memory:")
	must(err)
	must(migrations.Migrate(ctx, db))
	eng, err := engine.New(db, engine.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(err)
	must(eng.Register(d))
	done := make(chan error)
	go func() { done <- eng.Run(ctx) }()
	job, err := eng.Enqueue(ctx, input)
	must(err)
	status, err := eng.Wait(ctx, job.ID, nil)
	must(err)
	stop()
	must(<-done)
	must(db.Close())
	return status
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A failed step is tried again, unless its error is permanent.
func ExampleRetry() {
	d := steps.Define[export]()
	steps.Do(d, "upload", func(_ context.Context, run *steps.Run[export]) error {
		fmt.Println("attempt", run.Attempt())
		switch {
		case run.Input().Region == "":
			return steps.Permanent(errors.New("no such region"))
		case run.Attempt() < 3:
			return errors.New("connection refused")
		}
		return nil
	}, steps.Retry(5, time.Millisecond, steps.MaxDelay(10*time.Millisecond)))

	fmt.Println(perform(d, export{Region: "EU"}).Status)
	fmt.Println(perform(d, export{}).Error)
	// Output:
	// attempt 1
	// attempt 2
	// attempt 3
	// succeeded
	// attempt 1
	// step "upload": no such region
}

// Only errors that may disappear without a change are worth another attempt.
func ExampleRetryIf() {
	busy := errors.New("busy")
	d := steps.Define[export]()
	steps.Do(d, "upload", func(_ context.Context, run *steps.Run[export]) error {
		if run.Attempt() == 1 {
			return busy
		}
		return errors.New("disk full")
	}, steps.Retry(5, time.Millisecond, steps.RetryIf(func(err error) bool { return errors.Is(err, busy) })))

	status := perform(d, export{})
	fmt.Println(status.Error, "- attempt", status.Steps[0].Attempts)
	// Output: step "upload": disk full - attempt 2
}

// Each attempt of a step has a time limit, and so has the whole job.
func ExampleTimeout() {
	d := steps.Define[export](steps.JobTimeout(time.Hour))
	steps.Do(d, "query", func(ctx context.Context, _ *steps.Run[export]) error {
		<-ctx.Done() // a call with this context returns now
		return ctx.Err()
	}, steps.Timeout(10*time.Millisecond))

	fmt.Println(perform(d, export{}).Error)
	// Output: step "query": timed out after 10ms
}

// A step is skipped, and its record says why.
func ExampleWhen() {
	d := steps.Define[export]()
	count := steps.Add(d, "count", func(_ context.Context, run *steps.Run[export]) (int, error) {
		return len(run.Input().Region), nil
	})
	steps.Do(d, "translate", func(context.Context, *steps.Run[export]) error { return nil },
		steps.When(func(run *steps.Run[export]) bool { return count.Output(run) > 2 }, "the region is short"))

	step := perform(d, export{Region: "EU"}).Steps[1]
	fmt.Println(step.Status, "-", step.Error)
	// Output: skipped - the region is short
}

// If the process dies in the middle of the payment, Verify asks the bank whether it was
// made, and the step runs again only if it was not.
func ExampleVerify() {
	receipts := map[string]string{} // at the bank
	d := steps.Define[export](steps.ResumeOnCrash(3))
	steps.Add(d, "pay", func(_ context.Context, run *steps.Run[export]) (string, error) {
		receipts[run.IdempotencyKey()] = "receipt 1"
		return receipts[run.IdempotencyKey()], nil
	}, steps.Verify(func(_ context.Context, run *steps.Run[export]) (string, bool, error) {
		receipt, paid := receipts[run.IdempotencyKey()]
		return receipt, paid, nil
	}))
	steps.Do(d, "tell", func(context.Context, *steps.Run[export]) error { return nil },
		steps.StopOnCrash()) // after a crash, a person finds out whether the mail was sent

	fmt.Println(perform(d, export{}).Status)
	// Output: succeeded
}
