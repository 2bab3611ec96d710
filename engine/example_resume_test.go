package engine_test

import (
	"context"
	"fmt"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// A job can go on from a step that is done already, or behind one that failed
// and that somebody has seen to by hand.
func ExampleFrom() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	db, closeDB := exampleDB(ctx)
	defer closeDB()
	d := steps.Define[report]()
	for _, name := range []string{"extract", "render", "deliver"} {
		steps.Do(d, name, func(_ context.Context, run *steps.Run[report]) error {
			fmt.Println(name)
			if name == "deliver" {
				return fmt.Errorf("the mail server is away")
			}
			return nil
		})
	}
	eng, err := engine.New(db, exampleConfig)
	if err == nil {
		err = eng.Register(d)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- eng.Run(ctx) }()
	job, err := eng.Enqueue(ctx, report{Month: "2026-10"})
	for _, opt := range []engine.ResumeOption{engine.From("render"), engine.Past("deliver")} {
		var status *model.JobStatus
		if err == nil {
			status, err = eng.Wait(ctx, job.ID, nil)
		}
		if err == nil {
			fmt.Println(status.Status)
			err = eng.Resume(ctx, job.ID, opt)
		}
	}
	if err == nil {
		var status *model.JobStatus
		if status, err = eng.Wait(ctx, job.ID, nil); err == nil {
			fmt.Println(status.Status, "-", status.Steps[2].Status)
		}
	}
	stop()
	fmt.Println(err, <-done)
	// Output:
	// extract
	// render
	// deliver
	// failed
	// render
	// deliver
	// failed
	// succeeded - skipped
	// <nil> <nil>
}
