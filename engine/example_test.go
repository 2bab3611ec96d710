package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

type report struct {
	Month string `json:"month"`
}

func (report) JobType() string { return "reports:monthly" }

// monthly is a handler of two steps.
func monthly() *steps.Definition[report] {
	d := steps.Define[report]()
	extract := steps.Add(d, "extract", func(_ context.Context, run *steps.Run[report]) (int, error) {
		run.Progress(42, 42, "read 42 rows of %s", run.Input().Month)
		return 42, nil
	}, steps.Weight(7))
	steps.Add(d, "render", func(_ context.Context, run *steps.Run[report]) (string, error) {
		return fmt.Sprintf("%s.pdf with %d rows", run.Input().Month, extract.Output(run)), nil
	})
	return d
}

// exampleDB is a migrated database in memory, and what closes it.
func exampleDB(ctx context.Context) (*bun.DB, func()) {
	db, err := dsn.Open(ctx, "sqlite://:memory:")
	if err == nil {
		err = migrations.Migrate(ctx, db)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return db, func() { _ = db.Close() }
}

var exampleConfig = engine.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}

// The whole way: an engine, a definition, a job, and its end.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, closeDB := exampleDB(ctx)
	defer closeDB()

	eng, err := engine.New(db, exampleConfig)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := eng.Register(monthly()); err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- eng.Run(ctx) }()

	job, err := eng.Enqueue(ctx, report{Month: "2026-10"}, engine.Name("October"))
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := eng.Wait(ctx, job.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.Name, status.Status, status.Percent, string(status.Result))
	for _, step := range status.Steps {
		fmt.Println(step.Name, step.Status)
	}
	stop()
	fmt.Println(<-done)
	// Output:
	// October succeeded 100 "2026-10.pdf with 42 rows"
	// extract completed
	// render completed
	// <nil>
}

// A job is enqueued exactly if the caller's transaction commits.
func ExampleEngine_With() {
	ctx := context.Background()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	eng, err := engine.New(db, exampleConfig)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := eng.With(tx).Enqueue(ctx, report{Month: "2026-10"}); err != nil {
			return err
		}
		return errors.New("the order could not be written")
	})
	jobs, listErr := eng.List(ctx, engine.Filter{})
	fmt.Println(err, len(jobs), listErr)
	// Output: the order could not be written 0 <nil>
}

// Cancelling names who asked and why; the record is kept, and the job can be
// resumed.
func ExampleClient_Cancel() {
	ctx := context.Background()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	eng, err := engine.New(db, exampleConfig)
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := eng.Cancel(ctx, job.ID, "ann", "wrong month"); err != nil {
		fmt.Println(err)
		return
	}
	status, err := eng.Status(ctx, job.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.Status, status.CancelledBy, status.CancelReason)
	fmt.Println(eng.Resume(ctx, job.ID))
	// Output:
	// cancelled ann wrong month
	// <nil>
}

type tenant struct{}

// Each job's steps get a context of their own.
func ExampleWithContext() {
	ctx := context.Background()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	eng, err := engine.New(db, exampleConfig)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = eng.Register(monthly(), engine.WithContext(func(ctx context.Context, job *model.Job) (context.Context, error) {
		return context.WithValue(ctx, tenant{}, job.Role), nil
	}))
	fmt.Println(err)
	// Output: <nil>
}

// A key makes enqueuing idempotent.
func ExampleIdempotencyKey() {
	ctx := context.Background()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	eng, err := engine.New(db, exampleConfig)
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		job, err := eng.Enqueue(ctx, report{Month: "2026-10"}, engine.IdempotencyKey("2026-10"))
		fmt.Println(job.Existing, err)
	}
	// Output:
	// false <nil>
	// true <nil>
}
