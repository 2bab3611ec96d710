package demosteps

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ntxdev/jobsystem/steps"
)

// Type is the job type. One job of a type runs at a time, so [Definitions] has
// nine more types with the same definition, for jobs that run at the same time.
const Type = "demo:steps"

// numberedTypes is the number of types besides [Type].
const numberedTypes = 9

// Definitions returns the definitions of demo:steps and of demo:steps-1 to
// demo:steps-9, which differ only in their type.
func Definitions() []steps.Handler {
	definitions := []steps.Handler{Definition(Type)}
	for i := range numberedTypes {
		definitions = append(definitions, Definition(Type+"-"+strconv.Itoa(i+1)))
	}
	return definitions
}

// Definition returns the definition of a job type. A job whose input is invalid
// fails before its first step.
func Definition(jobType string) *steps.Definition[Input] {
	return steps.DefineFunc(define, steps.Type(jobType))
}

// define returns a definition with the steps that the input sets.
func define(in Input) (*steps.Definition[Input], error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	d := steps.Define[Input]()
	for n := range in.Steps {
		steps.Add(d, StepName(n+1), stepFunc(n+1))
	}
	return d, nil
}

// StepName returns the name of the step with number n, from 1.
func StepName(n int) string { return "step-" + strconv.Itoa(n) }

// Output is the output of a step.
type Output struct {
	Step    int    `json:"step"`
	Payload string `json:"payload"` // the letter x, repeated as the input sets
}

// stepFunc returns the function of the step with number n.
func stepFunc(n int) func(context.Context, *steps.Run[Input]) (Output, error) {
	return func(ctx context.Context, run *steps.Run[Input]) (Output, error) {
		in := run.Input()
		err := waitAndReport(ctx, in.stepTime(), func(elapsed time.Duration) {
			run.Progress(int(elapsed.Milliseconds()), in.stepMS(), "step %d of %d: %v of %v", n, in.Steps, elapsed.Round(time.Millisecond), in.stepTime())
		})
		if err != nil {
			return Output{}, err
		}
		if n == in.PanicAt {
			panic(fmt.Sprintf("step %d panics because panic_at is %d", n, in.PanicAt))
		}
		if n == in.FailAt && (in.FailTimes == 0 || run.Job().Resumptions < in.FailTimes) {
			return Output{}, fmt.Errorf("fails because fail_at is %d", in.FailAt)
		}
		return Output{Step: n, Payload: strings.Repeat("x", in.outputBytes())}, nil
	}
}

// A step reports its progress at most maxReports times, not counting the report
// at its start, and waits at least minReportInterval between two reports.
const (
	maxReports        = 20
	minReportInterval = 50 * time.Millisecond
)

// waitAndReport waits for total and reports the elapsed time, from 0 to total. If
// ctx ends, it returns its cause at once.
func waitAndReport(ctx context.Context, total time.Duration, report func(elapsed time.Duration)) error {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		elapsed := min(time.Since(start), total)
		report(elapsed)
		if elapsed == total {
			return context.Cause(ctx)
		}
		timer.Reset(min(total-elapsed, max(minReportInterval, total/maxReports)))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}
