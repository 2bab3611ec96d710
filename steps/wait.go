package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// Sleep appends a step that waits for that long. While it waits, the job is
// scheduled: it holds no lock, costs nothing, and goes on wherever an engine is
// when the time has come.
func Sleep[In any](d Adder[In], name string, duration time.Duration, opts ...Option) {
	if duration < 0 {
		d.mistake("step %q: its duration %v is negative", name, duration)
	}
	addStep(d, kinds[In]{sleep: func(*Run[In]) (time.Duration, error) { return duration, nil }}, name, noOutput, opts)
}

// SleepUntil appends a step that waits until the time that until returns, by the
// database's clock. It is asked once; the time is recorded. See [Sleep].
func SleepUntil[In any](d Adder[In], name string, until func(*Run[In]) time.Time, opts ...Option) {
	if until == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, kinds[In]{until: until}, name, noOutput, opts)
}

// Await appends a step that waits for the signal of its name: an approval, a
// callback from another system. Its output is the signal's payload; the record
// tells who sent it. While it waits, the job is scheduled and costs nothing. A
// signal that came before the step is kept for it, and the first of a name
// stands. With [Timeout], the step fails with [ErrTimeout] when no signal has
// come by then.
func Await[In, Payload any](d Adder[In], name string, opts ...Option) *Step[In, Payload] {
	addStep(d, kinds[In]{await: true}, name, outputOf[Payload](), opts)
	return &Step[In, Payload]{name: name}
}

// Child is a job that a [Children] step enqueues.
type Child struct {
	Input Typed
	Name  string // for people; the type by default
}

// ChildResult is how a child has ended.
type ChildResult struct {
	ID     uuid.UUID       `json:"id"`
	Type   string          `json:"type"`
	Status model.Status    `json:"status"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// Children appends a step that enqueues jobs of other types and waits until all
// have ended. They are enqueued once, together with the step's record. While it
// waits, the job is scheduled and holds no lock; its progress counts theirs, and
// cancelling it cancels them. If one of them does not succeed, the step fails,
// unless [AllowFailures] is given; when the job is resumed, those that did not
// are resumed with it. A child of the job's own type is refused: it would wait
// for the type as its parent waits for it.
func Children[In any](d Adder[In], name string, fn func(context.Context, *Run[In]) ([]Child, error), opts ...Option) *Step[In, []ChildResult] {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, kinds[In]{children: fn}, name, outputOf[[]ChildResult](), opts)
	return &Step[In, []ChildResult]{name: name}
}

// output is what a step produces, with its type erased; the zero one is none.
type output struct {
	of    reflect.Type
	check func(json.RawMessage) error
}

var noOutput = output{}

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

func marshalOutput(out any) (json.RawMessage, error) {
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("write its output as JSON: %w", err)
	}
	return raw, nil
}
