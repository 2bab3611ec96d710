package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// Handler is a [Definition] without its input type, as an engine uses it. A Definition
// implements it, and so does a type that embeds a Definition or a Handler: the methods that
// such a type has of its own count, for example a JobType with which the same steps serve
// several types. Nothing else implements it, so that versions can add methods. All methods
// must be safe for concurrent use and return the same for the same arguments.
type Handler interface {
	// JobType returns the type of the jobs that it handles.
	JobType() string
	// ResumesOnCrash returns the number given to [ResumeOnCrash].
	ResumesOnCrash() int
	// Validate returns all mistakes of the definition, joined.
	Validate() error
	// CheckInput reports why a value cannot be the input of a job, which was written
	// as raw.
	CheckInput(value any, raw json.RawMessage) error
	// Plan returns the plan of a job with this input, or an error if there is none.
	Plan(input json.RawMessage) (*plan.Plan, error)

	sealed()
}

func (d *Definition[In]) sealed() {}

// ResumesOnCrash returns the number given to [ResumeOnCrash]: how many times a job is
// resumed automatically when its process has died; 0 without it.
func (d *Definition[In]) ResumesOnCrash() int { return d.resumeOnCrash }

// CheckInput reports why a value cannot be the input of a job, which was written as raw:
// raw does not decode into an In, or a value of type In does not read back. It does not
// panic if a method of the input does.
func (d *Definition[In]) CheckInput(value any, raw json.RawMessage) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("read it: %w", plan.NewPanicError(value))
		}
	}()
	var in In
	if err := json.Unmarshal(raw, &in); err != nil {
		return fmt.Errorf("does not fit %T: %w", in, err)
	}
	if reflect.TypeOf(value) == reflect.TypeFor[In]() {
		return checkValue(value, raw)
	}
	return nil
}

// Plan returns the plan of a job with this input: its steps. It returns an error if the
// input does not decode into an In, or if the function given to [DefineFunc] returns an
// error, a definition with mistakes, or panics.
func (d *Definition[In]) Plan(input json.RawMessage) (p *plan.Plan, err error) {
	defer func() {
		if value := recover(); value != nil { // the host's build function, or its input's UnmarshalJSON
			p, err = nil, fmt.Errorf("make the plan: %w", plan.NewPanicError(value))
		}
	}()
	var in In
	if err := json.Unmarshal(input, &in); err != nil {
		return nil, fmt.Errorf("input does not fit %T: %w", in, err)
	}
	list, removed := d.steps, d.removed
	if d.build != nil {
		built, err := d.build(in)
		if err != nil {
			return nil, fmt.Errorf("build the steps for this input: %w", err)
		}
		if err := built.validatePlan(d.jobType); err != nil {
			return nil, fmt.Errorf("the steps built for this input: %w", err)
		}
		list, removed = built.steps, slices.Concat(removed, built.removed)
	}
	p = &plan.Plan{
		Steps: make([]plan.Step, 0, len(list)), Timeout: d.timeout, ResumeOnCrash: d.resumeOnCrash,
		UndoOn: d.undoOn, Removed: removed, LearnWeights: d.learnWeights,
	}
	for i := range list {
		step := list[i].bind(input)
		step.Size = list[i].sizeFor(in)
		p.Steps = append(p.Steps, step)
	}
	return p, nil
}

// validatePlan checks a definition that a build function has returned.
func (d *Definition[In]) validatePlan(jobType string) error {
	switch {
	case d == nil:
		return errors.New("the build function returned nil")
	case d.build != nil:
		return errors.New("the build function returned a definition made with DefineFunc; want one made with Define")
	}
	if d.timeout != 0 || d.resumeOnCrash != 0 || d.undoOnGiven || d.learnWeights {
		return errors.New("the build function returned a definition with options that hold for a job: give them to DefineFunc")
	}
	named := *d
	named.jobType = jobType
	return named.Validate()
}

// bind returns the step for a job with this input.
func (p *planned[In]) bind(input json.RawMessage) plan.Step {
	run := func(ctx context.Context, session plan.Session) *Run[In] {
		return &Run[In]{step: p.name, input: input, session: session, ctx: ctx}
	}
	s := p.settings
	step := plan.Step{
		Name: p.name, OldNames: s.oldNames, Weight: s.weight, Group: p.group, Version: s.version, Timeout: s.timeout, Retry: s.retry,
		StopOnCrash: s.stopOnCrash, AllowFailures: s.allowFailures, AwaitSignal: p.work.await, Accept: p.output.check, WhenWhy: s.whenWhy,
		Read: p.read,
	}
	p.bindWork(&step, run)
	if p.when != nil {
		step.When = func(session plan.Session) bool { return p.when(run(context.Background(), session)) }
	}
	if p.undo.fn != nil {
		step.Undo = func(ctx context.Context, session plan.Session, out json.RawMessage) error {
			r := run(ctx, session)
			r.undoing = true
			return p.undo.fn(ctx, r, out)
		}
	}
	if p.verify != nil {
		step.Verify = func(ctx context.Context, session plan.Session) (json.RawMessage, bool, error) {
			return p.verify(ctx, run(ctx, session))
		}
	}
	return step
}

// sizeFor returns the size of the step for an input, 0 if it is not known.
func (p *planned[In]) sizeFor(in In) float64 {
	if p.size == nil {
		return 0
	}
	size := p.size(in)
	if !(size > 0) || math.IsInf(size, 1) {
		return 0
	}
	return size
}

func (p *planned[In]) bindWork(step *plan.Step, run func(context.Context, plan.Session) *Run[In]) {
	w := p.work
	switch {
	case w.run != nil:
		step.Run = func(ctx context.Context, session plan.Session) (json.RawMessage, error) {
			return w.run(ctx, run(ctx, session))
		}
	case w.tx != nil:
		step.Tx = func(ctx context.Context, tx Tx, session plan.Session) (json.RawMessage, error) {
			return w.tx(ctx, tx, run(ctx, session))
		}
	case w.sleep != nil:
		step.Sleep = func(session plan.Session) (time.Duration, time.Time, error) {
			d, err := w.sleep(run(context.Background(), session))
			return d, time.Time{}, err
		}
	case w.until != nil:
		step.Sleep = func(session plan.Session) (time.Duration, time.Time, error) {
			return 0, w.until(run(context.Background(), session)), nil
		}
	case w.children != nil:
		step.ChildJobs = func(ctx context.Context, session plan.Session) ([]plan.Child, error) {
			children, err := w.children(ctx, run(ctx, session))
			out := make([]plan.Child, len(children))
			for i, child := range children {
				out[i] = plan.Child{Input: child.Input, Name: child.Name}
			}
			return out, err
		}
	}
}
