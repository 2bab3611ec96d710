package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/google/uuid"
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

// exampleDB returns a migrated database in memory, and a function that closes it.
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

// A job is enqueued if and only if the caller's transaction commits.
func ExampleEngine_WithTx() {
	ctx := context.Background()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	eng, err := engine.New(db, exampleConfig)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := eng.WithTx(tx).Enqueue(ctx, report{Month: "2026-10"}); err != nil {
			return err
		}
		return errors.New("the order could not be written")
	})
	jobs, listErr := eng.List(ctx, engine.Filter{})
	fmt.Println(err, len(jobs), listErr)
	// Output: the order could not be written 0 <nil>
}

// A cancel names who requested it and why; the record is kept, and the job can be resumed.
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

// exampleEngine returns an engine on a database in memory, with the monthly report, and a
// function that closes it.
func exampleEngine(ctx context.Context) (*engine.Engine, func()) {
	db, closeDB := exampleDB(ctx)
	eng, err := engine.New(db, exampleConfig)
	if err == nil {
		err = eng.Register(monthly())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return eng, closeDB
}

// Many jobs are enqueued together, or none of them.
func ExampleClient_EnqueueMany() {
	ctx := context.Background()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	jobs, err := eng.EnqueueMany(ctx, []engine.NewJob{
		{Input: report{Month: "2026-09"}},
		{Input: report{Month: "2026-10"}, Options: []engine.EnqueueOption{engine.Name("October")}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, job := range jobs {
		fmt.Println(job.Name, job.Status)
	}
	// Output:
	// reports:monthly scheduled
	// October scheduled
}

// A job can be enqueued for later, with the columns that people see.
func ExampleClient_Enqueue() {
	ctx := context.Background()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"},
		engine.Name("October"), engine.Role("accounting"), engine.Email("ann@example.com"),
		engine.At(time.Date(2126, 11, 1, 6, 0, 0, 0, time.UTC)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name, job.Role, job.Email, job.ScheduledAt.Format(time.DateTime))
	// Output: October accounting ann@example.com 2126-11-01 06:00:00
}

// An input whose type is known only at run time.
func ExampleRawInput() {
	ctx := context.Background()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	job, err := eng.Enqueue(ctx, engine.RawInput{Type: "reports:monthly", Input: []byte(`{"month":"2026-10"}`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Type, string(job.Data))
	// Output: reports:monthly {"input":{"month":"2026-10"},"steps":[]}
}

// An error says what the job's status does not allow, and what to do instead.
func ExampleClient_Resume() {
	ctx := context.Background()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = eng.Resume(ctx, job.ID)
	fmt.Println(errors.Is(err, engine.ErrStatus))
	var rejected *engine.StatusError
	if errors.As(err, &rejected) {
		fmt.Println(rejected.Op, rejected.Status, rejected.Hint)
	}
	// Output:
	// true
	// resume scheduled it continues without a resume, when it is due or when its wait is over
}

// Deleted jobs are neither run nor listed; their rows stay.
func ExampleClient_List() {
	ctx := context.Background()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	for _, month := range []string{"2026-09", "2026-10"} {
		if _, err := eng.Enqueue(ctx, report{Month: month}, engine.Name(month)); err != nil {
			fmt.Println(err)
			return
		}
	}
	jobs, err := eng.List(ctx, engine.Filter{Statuses: []model.Status{model.Scheduled}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := eng.Delete(ctx, jobs[0].ID); err != nil {
		fmt.Println(err)
		return
	}
	left, err := eng.List(ctx, engine.Filter{})
	fmt.Println(len(jobs), left[0].Name, err)
	types, err := eng.Types(ctx)
	fmt.Println(types[0].Type, types[0].Jobs[model.Scheduled], err)
	// Output:
	// 2 2026-09 <nil>
	// reports:monthly 1 <nil>
}

// Another program sees that a job's work is not needed any more, and ends it: with a client of
// its own, of the same database.
func ExampleClient_Fail_elsewhere() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	begun, release := make(chan uuid.UUID), make(chan struct{})
	d := steps.Define[report]()
	steps.Do(d, "extract", func(_ context.Context, run *steps.Run[report]) error {
		begun <- run.Job().ID
		<-release
		return nil
	})
	steps.Do(d, "mail", func(context.Context, *steps.Run[report]) error { return errors.New("nobody reads it") })
	worker, err := engine.New(db, exampleConfig)
	if err == nil {
		err = worker.Register(d)
	}
	other, otherErr := engine.New(db, exampleConfig)
	if err = errors.Join(err, otherErr); err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- worker.Run(ctx) }()
	if _, err := other.Enqueue(ctx, report{}); err != nil {
		fmt.Println(err)
		return
	}
	id := <-begun
	fmt.Println(other.Fail(ctx, id, "the month was closed", nil))
	close(release)
	status, err := other.Wait(ctx, id, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.Status, status.Error, status.Steps[1].Status)
	stop()
	fmt.Println(<-done)
	// Output:
	// <nil>
	// failed the month was closed pending
	// <nil>
}

// A step can decide how its job ends, with a result of its own.
func ExampleClient_Succeed() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	eng, err := engine.New(db, exampleConfig)
	if err != nil {
		fmt.Println(err)
		return
	}
	d := steps.Define[report]()
	steps.Do(d, "look", func(ctx context.Context, run *steps.Run[report]) error {
		return eng.Succeed(ctx, run.Job().ID, map[string]string{"news": "none"})
	})
	steps.Do(d, "mail", func(context.Context, *steps.Run[report]) error { return errors.New("nothing to send") })
	if err := eng.Register(d); err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- eng.Run(ctx) }()
	job, err := eng.Enqueue(ctx, report{})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := eng.Wait(ctx, job.ID, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.Status, string(status.Result), status.Steps[1].Status)
	stop()
	fmt.Println(<-done)
	// Output:
	// succeeded {"news":"none"} skipped
	// <nil>
}

type tenant struct{}

// The steps of each job get a context of their own.
func ExampleContextFunc() {
	ctx := context.Background()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	eng, err := engine.New(db, exampleConfig)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = eng.Register(monthly(), engine.ContextFunc(func(ctx context.Context, job *model.Job) (context.Context, error) {
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
