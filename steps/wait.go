package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Sleep appends a step that waits for that long, by the database's clock. While
// it waits, the job is scheduled: it holds no lock, costs nothing, and goes on
// wherever an engine is when the time has come, within the engine's poll
// interval. The time stays when the job is cancelled meanwhile and resumed.
func Sleep[In any](d Scope[In], name string, duration time.Duration, opts ...Option) {
	if duration < 0 {
		d.mistake("step %q: its duration %v is negative", name, duration)
	}
	addStep(d, kinds[In]{sleep: func(*Run[In]) (time.Duration, error) { return duration, nil }}, name, noOutput, opts)
}

// SleepUntil appends a step that waits until the time that until returns, by the
// database's clock; not at all if that has passed, and until the year 9999 at the
// latest. It is asked once; the time is recorded. See [Sleep].
func SleepUntil[In any](d Scope[In], name string, until func(*Run[In]) time.Time, opts ...Option) {
	if until == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, kinds[In]{until: until}, name, noOutput, opts)
}

// AwaitSignal appends a step that waits for the signal of its name: an approval, a
// callback from another system. Its output is the signal's payload; the record
// tells who sent it. While it waits, the job is scheduled: it holds no lock and
// costs nothing. A signal that came before the step is kept for it, and the first
// of a name stands. With [Timeout], the step fails with [ErrTimeout] when no
// signal has come by then; without, it waits for ever.
//
// A payload that is not a Payload in JSON fails the step. A resume then waits for
// another signal of the name, as does one from before the step. The payload null,
// of a signal without one, is the zero Payload.
func AwaitSignal[In, Payload any](d Scope[In], name string, opts ...Option) *Step[In, Payload] {
	addStep(d, kinds[In]{await: true}, name, outputOf[Payload](), opts)
	return &Step[In, Payload]{name: name}
}

// Child is a job that a [ChildJobs] step enqueues.
type Child struct {
	Input Input
	Name  string // for people; the type by default
}

// ChildJobs appends a step that enqueues jobs of other types and waits until all
// have ended; its output is how, in the order of the children. They are enqueued
// once, together with the step's record, with their parent's role and email. The
// function may be called again if the process dies before that record, and must
// only say which jobs are wanted. None is fine.
//
// While it waits, the job is scheduled and holds no lock; its progress counts
// theirs, and cancelling it cancels them: it is cancelled itself when they have
// ended. If one of them does not succeed, the step fails, unless [AllowFailures]
// is given; when the job is resumed, those that did not are resumed with it, and
// no others. With [Timeout], the step fails with [ErrTimeout] when they have not
// ended by then; they go on, and a resume waits for them again. A restart, and a
// resume from this step or before, enqueue new ones.
//
// A child of the job's own type is refused. So are more children than their
// results can be kept of (about 500 with the engine's default bounds), before
// any is enqueued.
func ChildJobs[In any](d Scope[In], name string, fn func(context.Context, *Run[In]) ([]Child, error), opts ...Option) *Step[In, []model.ChildResult] {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, kinds[In]{children: fn}, name, outputOf[[]model.ChildResult](), opts)
	return &Step[In, []model.ChildResult]{name: name}
}

// output is what a step produces, with its type erased.
type output struct {
	of    reflect.Type
	check func(json.RawMessage) error
}

var noOutput = output{of: reflect.TypeFor[None](), check: func(json.RawMessage) error { return nil }}

func outputOf[Out any]() output {
	return output{of: reflect.TypeFor[Out](), check: func(raw json.RawMessage) error { return json.Unmarshal(raw, new(Out)) }}
}

// kinds is what a step does: one of these.
type kinds[In any] struct {
	run      func(context.Context, *Run[In]) (json.RawMessage, error)
	tx       func(context.Context, Tx, *Run[In]) (json.RawMessage, error)
	sleep    func(*Run[In]) (time.Duration, error)
	until    func(*Run[In]) time.Time
	await    bool
	children func(context.Context, *Run[In]) ([]Child, error)
}

// marshalOutput writes a step's output as JSON, and fails for one that later steps
// could not read: no further attempt mends that.
func marshalOutput[Out any](out Out) (json.RawMessage, error) {
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write its output as JSON: %w", err)
	}
	if err := model.CheckReadsBack(reflect.TypeFor[Out](), raw); err != nil {
		return nil, plan.Permanent(fmt.Errorf("its output %w", err))
	}
	return raw, nil
}
