package steps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// Handler is what an engine runs jobs with: a [Definition] whose input type is
// erased. Only this package implements it.
type Handler interface {
	// JobType is the type of the jobs it handles.
	JobType() string
	// ResumesOnCrash is the number given to [ResumeOnCrash].
	ResumesOnCrash() int
	// Validate returns all mistakes of the definition, joined.
	Validate() error
	// Plan returns the steps for a job with this input, or why there is none.
	Plan(input json.RawMessage) (*Plan, error)

	sealed()
}

// Plan is what a job does: its steps in order, and what holds for all of them.
type Plan struct {
	Steps []PlannedStep
	// Timeout bounds the time of all steps together; 0 for none.
	Timeout time.Duration
	// ResumeOnCrash is how often the job goes on by itself after a crash.
	ResumeOnCrash int
	// UndoOn are the ends of a job after which its completed steps are undone.
	UndoOn []model.Status
	// Removed are names of steps that the definition had before.
	Removed []string
}

// PlannedStep is a step of a [Plan]. What it does is one of Run, Tx, Sleep,
// Await and Children.
type PlannedStep struct {
	Name   string
	Was    []string // older names
	Weight float64
	// Group is the same pointer for neighbours that run at the same time, nil
	// for a step of its own.
	Group   *GroupSettings
	Version int
	Timeout time.Duration // 0 for none
	Retries Retries
	// StopOnCrash and Verify say what becomes of an attempt that was cut short.
	StopOnCrash   bool
	AllowFailures bool

	// Run runs the step and returns its output, nil if it has none.
	Run func(context.Context, Session) (json.RawMessage, error)
	// Tx is Run within a transaction that the record is written in as well.
	Tx func(context.Context, Tx, Session) (json.RawMessage, error)
	// Sleep returns how long to wait, or until when if that is not zero.
	Sleep func(Session) (time.Duration, time.Time, error)
	// Await says that the step waits for the signal of its name, and Accept
	// reports why the payload of one cannot be its output.
	Await  bool
	Accept func(payload json.RawMessage) error
	// Children returns the jobs to enqueue and wait for.
	Children func(context.Context, Session) ([]Child, error)

	// When reports whether the step is to run; WhenWhy is why not. Nil for
	// always.
	When    func(Session) bool
	WhenWhy string
	// Undo takes back what the step did; nil if it cannot.
	Undo func(context.Context, Session, json.RawMessage) error
	// Verify reports whether the effect of an attempt that was cut short
	// happened, and the output; nil to run the step again.
	Verify func(context.Context, Session) (json.RawMessage, bool, error)
	// Read turns an output that was recorded under some version into one that
	// the step's type can read, or says why it cannot.
	Read func(output json.RawMessage, version int) (json.RawMessage, error)
}

// Waits reports whether the step waits, and does nothing itself.
func (p *PlannedStep) Waits() bool { return p.Run == nil && p.Tx == nil }

// Fingerprint is the same for plans with the same steps in the same order: their
// names, groups and versions.
func (p *Plan) Fingerprint() string {
	hash := sha256.New()
	for _, step := range p.Steps {
		group := ""
		if step.Group != nil {
			group = step.Group.Name
		}
		fmt.Fprintf(hash, "%q %q %d\n", step.Name, group, step.Version)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}

// Session is the engine's side of a [Run]. Engines implement it; steps use Run.
type Session interface {
	Job() *model.Job
	// Attempt is the number of the step's attempt, from 1.
	Attempt() int
	// BegunAs is the name under which the step first began, the one that
	// [Run.IdempotencyKey] is made of.
	BegunAs() string
	// Progress takes a fraction of 0 to 1, or a negative one for "unchanged".
	Progress(fraction float64, format string, args []any)
	// Remaining takes how long the step will still take; negative takes that back.
	Remaining(left time.Duration)
	Checkpoint(ctx context.Context, checkpoint json.RawMessage) error
	// LastCheckpoint is the last checkpoint of an earlier attempt, nil if there is none.
	LastCheckpoint() json.RawMessage
	// Output is the recorded output of a completed step, as Read returns it.
	Output(step string) (json.RawMessage, bool)
	SetResult(result json.RawMessage) error
}

func (d *Definition[In]) sealed() {}

// ResumesOnCrash returns the number given to [ResumeOnCrash]: how often a job
// goes on by itself when its process has died; 0 without it.
func (d *Definition[In]) ResumesOnCrash() int { return d.resumeOnCrash }

// Plan returns the steps for a job with this input. It fails if the input does
// not decode into an In, or if the function given to [DefineFunc] does; it does not
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
	plan = &Plan{
		Steps: make([]PlannedStep, 0, len(list)), Timeout: d.timeout, ResumeOnCrash: d.resumeOnCrash,
		UndoOn: d.undoOn, Removed: removed,
	}
	for i := range list {
		plan.Steps = append(plan.Steps, list[i].bind(input))
	}
	return plan, nil
}

// validatePlan checks a definition that a build function has returned.
func (d *Definition[In]) validatePlan(jobType string) error {
	switch {
	case d == nil:
		return errors.New("the build function returned nil")
	case d.build != nil:
		return errors.New("the build function returned a definition made with DefineFunc; want one made with Define")
	}
	if d.timeout != 0 || d.resumeOnCrash != 0 || d.undoOnGiven {
		return errors.New("the build function returned a definition with options that hold for a job: give them to DefineFunc")
	}
	named := *d
	named.jobType = jobType
	return named.Validate()
}

// bind makes the step of one job.
func (p *planned[In]) bind(input json.RawMessage) PlannedStep {
	run := func(ctx context.Context, session Session) *Run[In] {
		return &Run[In]{step: p.name, input: input, session: session, ctx: ctx}
	}
	s := p.settings
	step := PlannedStep{
		Name: p.name, Was: s.was, Weight: s.weight, Group: p.group, Version: s.version, Timeout: s.timeout, Retries: s.retry,
		StopOnCrash: s.stop, AllowFailures: s.allowFailures, Await: p.does.await, Accept: p.output.check, WhenWhy: s.whenWhy,
		Read: p.read,
	}
	p.bindWork(&step, run)
	if p.when != nil {
		step.When = func(session Session) bool { return p.when(run(context.Background(), session)) }
	}
	if p.undo.fn != nil {
		step.Undo = func(ctx context.Context, session Session, out json.RawMessage) error {
			r := run(ctx, session)
			r.undoing = true
			return p.undo.fn(ctx, r, out)
		}
	}
	if p.verify != nil {
		step.Verify = func(ctx context.Context, session Session) (json.RawMessage, bool, error) {
			return p.verify(ctx, run(ctx, session))
		}
	}
	return step
}

func (p *planned[In]) bindWork(step *PlannedStep, run func(context.Context, Session) *Run[In]) {
	does := p.does
	switch {
	case does.run != nil:
		step.Run = func(ctx context.Context, session Session) (json.RawMessage, error) {
			return does.run(ctx, run(ctx, session))
		}
	case does.tx != nil:
		step.Tx = func(ctx context.Context, tx Tx, session Session) (json.RawMessage, error) {
			return does.tx(ctx, tx, run(ctx, session))
		}
	case does.sleep != nil:
		step.Sleep = func(session Session) (time.Duration, time.Time, error) {
			d, err := does.sleep(run(context.Background(), session))
			return d, time.Time{}, err
		}
	case does.until != nil:
		step.Sleep = func(session Session) (time.Duration, time.Time, error) {
			return 0, does.until(run(context.Background(), session)), nil
		}
	case does.children != nil:
		step.Children = func(ctx context.Context, session Session) ([]Child, error) {
			return does.children(ctx, run(ctx, session))
		}
	}
}
