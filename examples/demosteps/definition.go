package demosteps

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ntxdev/jobsystem/steps"
)

// Type is the job type. Since one job of a type runs at a time, there are nine
// more that do the same, to have jobs run side by side: see [Definitions].
const Type = "demo:steps"

// numbered is how many types there are beside [Type].
const numbered = 9

// Definitions returns the definitions of demo:steps and of demo:steps-1 to
// demo:steps-9, which do the same.
func Definitions() []steps.Handler {
	definitions := []steps.Handler{Definition(Type)}
	for i := range numbered {
		definitions = append(definitions, Definition(Type+"-"+strconv.Itoa(i+1)))
	}
	return definitions
}

// Definition returns the definition of a job type. An input that is out of
// bounds fails the job before its first step.
func Definition(jobType string) *steps.Definition[Input] {
	return steps.DefineFunc(plan, steps.Type(jobType))
}

// plan makes the steps that the input asks for.
func plan(in Input) (*steps.Definition[Input], error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	d := steps.Define[Input]()
	for n := range in.Steps {
		steps.Add(d, StepName(n+1), step(n+1))
	}
	return d, nil
}

// StepName is the name of the n-th step, counted from 1.
func StepName(n int) string { return "step-" + strconv.Itoa(n) }

// Output is what a step produces.
type Output struct {
	Step    int    `json:"step"`
	Payload string `json:"payload"` // as many x as the input asks for
}

// step returns the function of the n-th step.
func step(n int) func(context.Context, *steps.Run[Input]) (Output, error) {
	return func(ctx context.Context, run *steps.Run[Input]) (Output, error) {
		in := run.Input()
		err := pass(ctx, in.stepTime(), func(passed time.Duration) {
			run.Progress(int(passed.Milliseconds()), in.stepMS(), "step %d of %d: %v of %v", n, in.Steps, passed.Round(time.Millisecond), in.stepTime())
		})
		if err != nil {
			return Output{}, err
		}
		if n == in.PanicAt {
			panic(fmt.Sprintf("step %d panics because panic_at is %d", n, in.PanicAt))
		}
		if n == in.FailAt && (in.FailTimes == 0 || run.Job().Resumptions < in.FailTimes) {
			return Output{}, fmt.Errorf("it fails because fail_at is %d", in.FailAt)
		}
		return Output{Step: n, Payload: strings.Repeat("x", in.outputBytes())}, nil
	}
}

// reports is how often a step says at most how far it is, and reportEvery how
// long it waits at least in between.
const (
	reports     = 20
	reportEvery = 50 * time.Millisecond
)

// pass lets that time pass and reports how much has, until the end. It returns
// why ctx has ended as soon as it has.
func pass(ctx context.Context, total time.Duration, report func(passed time.Duration)) error {
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		passed := min(time.Since(began), total)
		report(passed)
		if passed == total {
			return context.Cause(ctx)
		}
		timer.Reset(min(total-passed, max(reportEvery, total/reports)))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}
