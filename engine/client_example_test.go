package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// An engine that enqueues and shows jobs needs neither definitions nor a start.
func ExampleNew() {
	ctx := context.Background()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	eng, err := engine.New(db, engine.Config{Lease: 30 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"})
	fmt.Println(job.Status, err)
	// Output: scheduled <nil>
}

// All mistakes of a definition are returned when it is registered.
func ExampleEngine_Register() {
	ctx := context.Background()
	eng, closeDB := exampleEngine(ctx) // has the monthly report
	defer closeDB()
	err := eng.Register(monthly())
	fmt.Println(errors.Is(err, engine.ErrInvalid), eng.Registered("reports:monthly") != nil)
	// Output: true true
}

// Run blocks until its context has ended and everything that it started has returned.
func ExampleEngine_Run() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }() // in main: signal.NotifyContext and no goroutine
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := eng.Wait(ctx, job.ID, nil); err != nil {
		fmt.Println(err)
		return
	}
	stop()
	fmt.Println(<-ended)
	// Output: <nil>
}

// A job that was enqueued in a transaction of the host is found at the next poll, within
// Config.Poll; Wake makes the engine poll now.
func ExampleEngine_Wake() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	eng, err := engine.New(db, engine.Config{Poll: time.Hour, Logger: exampleConfig.Logger})
	if err == nil {
		err = eng.Register(monthly())
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }()
	var job *model.Job
	err = db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) (err error) {
		job, err = eng.WithTx(tx).Enqueue(ctx, report{Month: "2026-10"})
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	eng.Wake()
	status, err := eng.Wait(ctx, job.ID, nil)
	fmt.Println(status.Status, err)
	stop()
	fmt.Println(<-ended)
	// Output:
	// succeeded <nil>
	// <nil>
}

// Wait calls a function at each change, and returns the last status.
func ExampleClient_Wait() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }()
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"})
	if err != nil {
		fmt.Println(err)
		return
	}
	percent := -1
	status, err := eng.Wait(ctx, job.ID, func(s *model.JobView) {
		if s.Percent < percent {
			fmt.Println("it has fallen")
		}
		percent = s.Percent
	})
	fmt.Println(status.Status, percent, err)
	stop()
	<-ended
	// Output: succeeded 100 <nil>
}

// enqueueExample enqueues a job with an option, and prints a field of it.
func enqueueExample(show func(*model.Job) any, opts ...engine.EnqueueOption) {
	ctx := context.Background()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"}, opts...)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(show(job))
}

// The name is what people read in lists. Its default is the type.
func ExampleName() {
	enqueueExample(func(job *model.Job) any { return job.Name }, engine.Name("October"))
	enqueueExample(func(job *model.Job) any { return job.Name })
	// Output:
	// October
	// reports:monthly
}

func ExampleRole() {
	enqueueExample(func(job *model.Job) any { return job.Role }, engine.Role("accounting"))
	// Output: accounting
}

func ExampleEmail() {
	enqueueExample(func(job *model.Job) any { return job.Email }, engine.Email("ann@example.com"))
	// Output: ann@example.com
}

func ExampleUploadedFileURL() {
	enqueueExample(func(job *model.Job) any { return job.UploadedFileURL }, engine.UploadedFileURL("s3://uploads/orders.csv"))
	// Output: s3://uploads/orders.csv
}

func ExampleAt() {
	morning := time.Date(2126, 11, 1, 6, 0, 0, 0, time.FixedZone("", 2*60*60))
	enqueueExample(func(job *model.Job) any { return job.ScheduledAt.Format(time.RFC3339) }, engine.At(morning))
	// Output: 2126-11-01T04:00:00Z
}

// A user waits for the report of October: it is the next one to run.
func ExampleImmediately() {
	ctx := context.Background()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	jobs, err := eng.EnqueueMany(ctx, []engine.NewJob{
		{Input: report{Month: "2026-08"}, Options: []engine.EnqueueOption{engine.Name("August")}},
		{Input: report{Month: "2026-09"}, Options: []engine.EnqueueOption{engine.Name("September")}},
		{Input: report{Month: "2026-10"}, Options: []engine.EnqueueOption{engine.Name("October"), engine.Immediately()}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	printInOrder(ctx, eng, jobs)
	// Output:
	// October
	// August
	// September
}

// An invoice that has failed may be enqueued again, one that waits, runs or has succeeded may
// not.
func ExampleUniqueUntil() {
	ctx := context.Background()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	opts := []engine.EnqueueOption{engine.IdempotencyKey("invoice 17"), engine.UniqueUntil(model.Failed, model.Cancelled)}
	first, err := eng.Enqueue(ctx, report{}, opts...)
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := eng.Enqueue(ctx, report{}, opts...)
	fmt.Println(again.Existing, err)
	fmt.Println(eng.Cancel(ctx, first.ID, "ann", "wrong amount"))
	again, err = eng.Enqueue(ctx, report{}, opts...)
	fmt.Println(again.Existing, err)
	// Output:
	// true <nil>
	// <nil>
	// false <nil>
}

// The reports of last year are not urgent.
func ExamplePriority() {
	ctx := context.Background()
	eng, closeDB := exampleEngine(ctx)
	defer closeDB()
	jobs, err := eng.EnqueueMany(ctx, []engine.NewJob{
		{Input: report{Month: "2025-01"}, Options: []engine.EnqueueOption{engine.Name("last year's"), engine.Priority(-1)}},
		{Input: report{Month: "2026-10"}, Options: []engine.EnqueueOption{engine.Name("this month's")}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	printInOrder(ctx, eng, jobs)
	// Output:
	// this month's
	// last year's
}

// printInOrder runs the jobs, and prints their names in the order in which they began.
func printInOrder(ctx context.Context, eng *engine.Engine, jobs []*model.Job) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }()
	begun := make([]*model.JobView, len(jobs))
	for i, job := range jobs {
		var err error
		if begun[i], err = eng.Wait(ctx, job.ID, nil); err != nil {
			fmt.Println(err)
		}
	}
	stop()
	<-ended
	slices.SortFunc(begun, func(a, b *model.JobView) int { return a.StartedAt.Compare(b.StartedAt.Time) })
	for _, job := range begun {
		fmt.Println(job.Name)
	}
}

// failed returns a job whose first step has succeeded and whose second one has failed,
// unless healthy is set.
func failed(mended *bool) *testutil.Harness {
	d := steps.Define[report]()
	steps.Do(d, "read", func(context.Context, *steps.Run[report]) error {
		fmt.Println("read")
		return nil
	})
	steps.Do(d, "send", func(context.Context, *steps.Run[report]) error {
		if !*mended {
			return errors.New("no network")
		}
		return nil
	})
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(report{Month: "2026-10"})
	h.Run()
	return h
}

// Restart drops the record of what was done; Resume keeps it.
func ExampleClient_Restart() {
	mended := false
	h := failed(&mended)
	mended = true
	if err := h.Engine().Restart(context.Background(), h.Status().ID); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(h.Run().Status)
	// Output:
	// read
	// read
	// succeeded
}

// DryRun returns what a resume would do with each step.
func ExampleClient_DryRun() {
	h := failed(new(bool))
	forecast, err := h.Engine().DryRun(context.Background(), h.Status().ID)
	for _, step := range forecast {
		fmt.Println(step.Action, step.Step)
	}
	fmt.Println(err)
	// Output:
	// read
	// skip read
	// run send
	// <nil>
}

func ExampleClient_Status() {
	h := failed(new(bool))
	s, err := h.Engine().Status(context.Background(), h.Status().ID)
	fmt.Println(s.Status, s.Percent, s.CurrentStep, s.Error, err)
	// Output:
	// read
	// failed 50 send step "send": no network <nil>
}

// The row has what a status does not have: the input, for example.
func ExampleClient_Job() {
	h := failed(new(bool))
	job, err := h.Engine().Job(context.Background(), h.Status().ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := model.ParseData(job.Data)
	fmt.Println(string(data.Input), err)
	// Output:
	// read
	// {"month":"2026-10"} <nil>
}

// A deleted job is neither run nor listed; its row stays.
func ExampleClient_Delete() {
	h := failed(new(bool))
	ctx, id := context.Background(), h.Status().ID
	fmt.Println(h.Engine().Delete(ctx, id))
	jobs, err := h.Engine().List(ctx, engine.Filter{})
	fmt.Println(len(jobs), err)
	jobs, err = h.Engine().List(ctx, engine.Filter{Deleted: true})
	fmt.Println(len(jobs), err)
	// Output:
	// read
	// <nil>
	// 0 <nil>
	// 1 <nil>
}

// No job of the type runs, and the latest one is the one that has failed.
func ExampleClient_RunningJob() {
	h := failed(new(bool))
	_, err := h.Engine().RunningJob(context.Background(), "reports:monthly")
	fmt.Println(errors.Is(err, engine.ErrNotFound))
	// Output:
	// read
	// true
}

func ExampleClient_LatestJob() {
	h := failed(new(bool))
	job, err := h.Engine().LatestJob(context.Background(), "reports:monthly")
	fmt.Println(job.Status, err)
	// Output:
	// read
	// failed <nil>
}

func ExampleClient_Types() {
	h := failed(new(bool))
	types, err := h.Engine().Types(context.Background())
	for _, t := range types {
		fmt.Println(t.Type, t.Registered, t.Jobs[model.Failed])
	}
	fmt.Println(err)
	// Output:
	// read
	// reports:monthly true 1
	// <nil>
}

// A step, or other code of the process, declares that the job has failed; it ends so when
// the running step has returned.
func ExampleClient_Fail() {
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
		return eng.Fail(ctx, run.Job().ID, "no orders in "+run.Input().Month, map[string]int{"orders": 0})
	})
	steps.Do(d, "send", func(context.Context, *steps.Run[report]) error { return nil })
	if err := eng.Register(d); err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- eng.Run(ctx) }()
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := eng.Wait(ctx, job.ID, nil)
	fmt.Println(status.Status, status.Error, string(status.Result), err)
	stop()
	<-ended
	// Output: failed no orders in 2026-10 {"orders":0} <nil>
}
