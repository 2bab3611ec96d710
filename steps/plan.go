package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/ntxdev/jobsystem/model"
)

// Handler is what an engine runs jobs with: a [Definition] whose input type is
// erased. Only this package implements it.
type Handler interface {
	// JobType is the type of the jobs it handles.
	JobType() string
	// Validate returns all mistakes of the definition, joined.
	Validate() error
	// Plan returns the steps for a job with this input, or why there is none.
	Plan(input json.RawMessage) (*Plan, error)

	sealed()
}

// Plan is the list of steps of one job.
type Plan struct{ Steps []PlannedStep }

// PlannedStep is a step of a [Plan].
type PlannedStep struct {
	Name   string
	Weight float64
	// Run runs the step and returns its output, nil if it has none.
	Run func(context.Context, Session) (json.RawMessage, error)
	// Check reports why a recorded output cannot be read by this step's type.
	Check func(output json.RawMessage) error
}

// Session is the engine's side of a [Run]. Engines implement it; steps use Run.
type Session interface {
	Job() *model.Job
	// Progress takes a fraction of 0 to 1, or a negative one for "unchanged".
	Progress(fraction float64, format string, args []any)
	Checkpoint(ctx context.Context, cursor json.RawMessage) error
	// Cursor is the last checkpoint of an earlier attempt, nil if there is none.
	Cursor() json.RawMessage
	// Output is the recorded output of a completed step.
	Output(step string) (json.RawMessage, bool)
	Result(result json.RawMessage) error
}

func (d *Definition[In]) sealed() {}

// Plan returns the steps for a job with this input. It fails if the input does
// not decode into an In, or if the function given to [Build] does; it does not
// panic if that does.
func (d *Definition[In]) Plan(input json.RawMessage) (plan *Plan, err error) {
	defer func() {
		if value := recover(); value != nil { // the host's build function, or its input's UnmarshalJSON
			plan, err = nil, fmt.Errorf("make the plan: panic: %v\n\n%s", value, debug.Stack())
		}
	}()
	var in In
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, fmt.Errorf("input does not fit %T: %w", in, err)
	}
	list := d.steps
	if d.build != nil {
		built, err := d.build(in)
		if err != nil {
			return nil, fmt.Errorf("build the steps for this input: %w", err)
		}
		if err := built.validatePlan(d.jobType); err != nil {
			return nil, fmt.Errorf("the steps built for this input: %w", err)
		}
		list = built.steps
	}
	plan = &Plan{Steps: make([]PlannedStep, 0, len(list))}
	for _, p := range list {
		plan.Steps = append(plan.Steps, p.bind(input))
	}
	return plan, nil
}

// validatePlan checks a definition that a build function has returned.
func (d *Definition[In]) validatePlan(jobType string) error {
	switch {
	case d == nil:
		return errors.New("the build function returned nil")
	case d.build != nil:
		return errors.New("the build function returned a definition made with Build; want one made with Define")
	}
	named := *d
	named.jobType = jobType
	return named.Validate()
}

func (p planned[In]) bind(input json.RawMessage) PlannedStep {
	return PlannedStep{
		Name:   p.name,
		Weight: p.weight,
		Check:  p.check,
		Run: func(ctx context.Context, session Session) (json.RawMessage, error) {
			return p.run(&call[In]{ctx: ctx, run: &Run[In]{step: p.name, input: input, session: session, ctx: ctx}})
		},
	}
}
