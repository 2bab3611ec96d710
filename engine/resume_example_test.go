package engine_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// A report failed because of what an earlier step had read: a dry run shows what a resume
// from there would do, and the resume does it.
func ExampleRerunFrom() {
	d := steps.Define[input]()
	broken := true
	note := func(_ context.Context, run *steps.Run[input]) error {
		fmt.Println("run", run.StepName())
		if run.StepName() == "send" && broken {
			return errors.New("no totals")
		}
		return nil
	}
	for _, name := range []string{"login", "read", "send"} {
		steps.Do(d, name, note)
	}
	h := testutil.NewHarness(testutil.Example(), d)
	job := h.Enqueue(input{})
	fmt.Println(h.Run().Error)
	broken = false
	forecast, err := h.Engine().DryRun(context.Background(), job.ID, engine.RerunFrom("read"))
	for _, f := range forecast {
		fmt.Println(f.Action, f.Step, f.Why)
	}
	fmt.Println(err)
	h.Resume(engine.RerunFrom("read"))
	fmt.Println(h.Run().Status, "with", len(h.Status().History), "earlier records")
	// Output:
	// run login
	// run read
	// run send
	// step "send": no totals
	// skip login is recorded as completed
	// run read runs again
	// run send runs again
	// <nil>
	// run read
	// run send
	// succeeded with 2 earlier records
}

// A process died in the middle of a payment, and a person has found out that it was made.
func ExampleSkipStep() {
	d := steps.Define[input]()
	steps.Do(d, "pay", func(context.Context, *steps.Run[input]) error { return nil }, steps.StopOnCrash())
	steps.Do(d, "ship", func(context.Context, *steps.Run[input]) error { fmt.Println("ship"); return nil })
	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(input{})
	h.Kill(testutil.BeforeRecord("pay"))
	h.Resume(engine.SkipStep("pay"))
	s := h.Run()
	fmt.Println(s.Status, s.Steps[0].Status, s.Steps[0].Error)
	// Output:
	// ship
	// succeeded skipped a person resumed the job and skipped it
}
