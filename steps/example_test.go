package steps_test

import (
	"context"
	"fmt"

	"github.com/ntxdev/jobsystem/steps"
)

type export struct {
	Region string `json:"region"`
}

func (export) JobType() string { return "orders:export" }

// A definition lists its steps; a later step reads the output of an earlier one.
func ExampleDefine() {
	d := steps.Define[export]()
	count := steps.Add(d, "count", func(_ context.Context, run *steps.Run[export]) (int, error) {
		return len(run.Input().Region), nil
	}, steps.Weight(3))
	steps.Do(d, "report", func(_ context.Context, run *steps.Run[export]) error {
		fmt.Println("counted", count.Output(run))
		return nil
	})
	fmt.Println(d.JobType(), d.Validate())
	// Output: orders:export <nil>
}

// The steps can depend on the input: here, one for each letter.
func ExampleDefineFunc() {
	d := steps.DefineFunc(func(in export) (*steps.Definition[export], error) {
		if in.Region == "" {
			return nil, fmt.Errorf("region is empty")
		}
		built := steps.Define[export]()
		for i, letter := range in.Region {
			steps.Do(built, fmt.Sprintf("letter-%d", i+1), func(context.Context, *steps.Run[export]) error {
				fmt.Println(letter)
				return nil
			})
		}
		return built, nil
	})
	plan, err := d.Plan([]byte(`{"region":"EU"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range plan.Steps {
		fmt.Println(step.Name)
	}
	// Output:
	// letter-1
	// letter-2
}

// A long step makes checkpoints, and continues from the last one when it runs again.
func ExampleRun_Checkpoint() {
	pages := []string{"a", "b", "c"}
	d := steps.Define[export]()
	steps.Do(d, "import", func(ctx context.Context, run *steps.Run[export]) error {
		next := 0
		if _, err := run.LastCheckpoint(&next); err != nil {
			return err
		}
		for ; next < len(pages); next++ {
			run.Progress(next, len(pages), "page %s", pages[next])
			if err := run.Checkpoint(ctx, next+1); err != nil {
				return err
			}
		}
		return nil
	})
	fmt.Println(d.Validate())
	// Output: <nil>
}
