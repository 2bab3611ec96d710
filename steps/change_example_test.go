package steps_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// printName is a step that only prints its name.
func printName(_ context.Context, run *steps.Run[export]) error {
	fmt.Println(run.StepName())
	return nil
}

// changeDefinition runs a job with one definition until it fails, and resumes it with a
// later one.
func changeDefinition(before, after steps.Handler) {
	h := testutil.NewHarness(testutil.Example(), before)
	job := h.Enqueue(export{})
	fmt.Println(h.Run().Error)
	later := testutil.NewHarness(testutil.Example(), after, testutil.OnDB(h.DB()))
	later.Follow(job.ID)
	later.Resume()
	fmt.Println(later.Run().Status)
}

// A step was renamed, and another one removed, while a job had failed.
func ExampleWasNamed() {
	before := steps.Define[export]()
	steps.Do(before, "extract", printName)
	steps.Do(before, "warm cache", printName)
	steps.Do(before, "send", func(context.Context, *steps.Run[export]) error { return errors.New("no route") })

	after := steps.Define[export](steps.Removed("warm cache"))
	steps.Do(after, "read", printName, steps.WasNamed("extract"))
	steps.Do(after, "send", printName)
	changeDefinition(before, after)
	// Output:
	// extract
	// warm cache
	// step "send": no route
	// send
	// succeeded
}

// Declare the names of removed steps, or the records of these steps do not fit.
func ExampleRemoved() {
	d := steps.Define[export](steps.Removed("warm cache"))
	steps.Do(d, "send", printName)
	plan, err := d.Plan([]byte(`{}`))
	fmt.Println(plan.Removed, err)
	// Output: [warm cache] <nil>
}

// The type of a step's output has changed; a job that recorded the old type continues.
func ExampleMigrate() {
	type size struct {
		Bytes int `json:"bytes"`
	}
	before := steps.Define[export]()
	steps.Add(before, "measure", func(context.Context, *steps.Run[export]) (int, error) { return 3, nil }) // in kilobytes
	steps.Do(before, "send", func(context.Context, *steps.Run[export]) error { return errors.New("no route") })

	after := steps.Define[export]()
	measure := steps.Add(after, "measure", func(context.Context, *steps.Run[export]) (size, error) { return size{Bytes: 3000}, nil },
		steps.Version(1), steps.Migrate(0, func(kilobytes int) (size, error) { return size{Bytes: 1000 * kilobytes}, nil }))
	steps.Do(after, "send", func(_ context.Context, run *steps.Run[export]) error {
		fmt.Println(measure.Output(run).Bytes, "bytes")
		return nil
	})
	changeDefinition(before, after)
	// Output:
	// step "send": no route
	// 3000 bytes
	// succeeded
}

// Increase the version with each new type of the output.
func ExampleVersion() {
	d := steps.Define[export]()
	steps.Add(d, "measure", func(context.Context, *steps.Run[export]) (int, error) { return 1, nil }, steps.Version(2))
	plan, err := d.Plan([]byte(`{}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = plan.Steps[0].Read([]byte(`3`), 1)
	fmt.Println(err)
	// Output: is of version 1, and the definition has version 2: add a steps.Migrate from 1
}
