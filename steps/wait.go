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

// Sleep appends a step that waits for that long, by the database's clock. While it waits,
// the job is scheduled: it holds no lock and costs nothing. When the time has passed, any
// engine that has the type continues the job, within its poll interval. If the job is
// cancelled while it waits and is resumed, the time at which it continues stays the same.
func Sleep[In any](d Scope[In], name string, duration time.Duration, opts ...Option) {
	if duration < 0 {
		d.mistake("step %q: its duration %v is negative", name, duration)
	}
	addStep(d, work[In]{sleep: func(*Run[In]) (time.Duration, error) { return duration, nil }}, name, noOutput, opts)
}

// SleepUntil appends a step that waits until the time that until returns, by the
// database's clock: not at all if the time has passed, and until 31 December 9999 at the
// latest. until is called once; the time is recorded. See [Sleep].
func SleepUntil[In any](d Scope[In], name string, until func(*Run[In]) time.Time, opts ...Option) {
	if until == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, work[In]{until: until}, name, noOutput, opts)
}

// AwaitSignal appends a step that waits for the signal of its name: an approval, or a
// callback from another system. Its output is the signal's payload; the record says who
// sent it. While it waits, the job is scheduled: it holds no lock and costs nothing.
//
// A signal that arrives before the step begins is stored until then. Of several signals
// of one name the first counts. With [Timeout], the step fails with [ErrTimeout] if no
// signal has arrived in that time; without, it waits without a time limit.
//
// If the payload is not the JSON of a Payload, the step fails. A resume then waits for
// another signal of the name, as does a resume from an earlier step. For a signal without
// a payload, the output is the zero Payload.
func AwaitSignal[In, Payload any](d Scope[In], name string, opts ...Option) *Step[In, Payload] {
	addStep(d, work[In]{await: true}, name, outputOf[Payload](), opts)
	return &Step[In, Payload]{name: name}
}

// Child describes a job that a [ChildJobs] step enqueues.
type Child struct {
	Input Input
	Name  string // for people; the type by default
}

// ChildJobs appends a step that enqueues jobs of other types and waits until all of them
// have ended. Its output is their results, in the order of the children. They are
// enqueued once, in one transaction with the step's record, with the role and email of
// their parent. fn may be called again if the process dies before that, so it must only
// return which jobs to enqueue. It may return none.
//
// While the step waits, the job is scheduled and holds no lock; its progress includes
// that of its children. Cancelling the job cancels its children, and the job becomes
// cancelled when they have ended. If a child does not succeed, the step fails, unless
// [AllowFailures] is given; a resume of the job resumes those children, and no others.
// With [Timeout], the step fails with [ErrTimeout] if the children have not ended in that
// time; they keep running, and a resume waits for them again. A restart, and a resume
// from this step or an earlier one, enqueue new children.
//
// The step fails before any child is enqueued if a child has the job's own type, or if
// there are so many children that their results could not be recorded (about 500 with the
// engine's default limits).
func ChildJobs[In any](d Scope[In], name string, fn func(context.Context, *Run[In]) ([]Child, error), opts ...Option) *Step[In, []model.ChildResult] {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, work[In]{children: fn}, name, outputOf[[]model.ChildResult](), opts)
	return &Step[In, []model.ChildResult]{name: name}
}

// output describes the output type of a step.
type output struct {
	of    reflect.Type
	check func(json.RawMessage) error // returns an error for JSON that is not of the type
}

var noOutput = output{of: reflect.TypeFor[None](), check: func(json.RawMessage) error { return nil }}

func outputOf[Out any]() output {
	return output{of: reflect.TypeFor[Out](), check: func(raw json.RawMessage) error { return json.Unmarshal(raw, new(Out)) }}
}

// work is what a step does. Exactly one field is set.
type work[In any] struct {
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
