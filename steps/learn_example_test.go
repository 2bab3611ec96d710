package steps_test

import (
	"context"
	"fmt"

	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// The progress of later jobs goes by how long the steps took in earlier ones.
func ExampleLearnWeights() {
	d := steps.Define[export](steps.LearnWeights())
	steps.Do(d, "extract", func(context.Context, *steps.Run[export]) error { return nil }, steps.Weight(3))
	steps.Do(d, "deliver", func(context.Context, *steps.Run[export]) error { return nil })

	h := testutil.NewHarness(testutil.Example(), d)
	h.Enqueue(export{})
	first := h.Run()
	fmt.Println(first.Steps[0].Weight, first.Steps[1].Weight)
	// Output: 3 1
}
