package steps

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
)

// When has the step run only if cond is true when its turn has come; otherwise
// it is recorded as skipped, with the reason why, before the next step begins.
// Its output is then the zero value, and it counts as done in the job's
// progress. cond may read the outputs of earlier steps, and should do little
// else. What was recorded stands: neither a crash nor a resume has cond asked
// again about a step that was skipped or has begun. If cond panics, the job
// fails, and a resume asks again.
func When[In any](cond func(*Run[In]) bool, why string) Option {
	return func(s *stepSettings) {
		if s.when, s.whenWhy = cond, cmp.Or(why, "its condition was not met"); cond == nil {
			s.mistakes = append(s.mistakes, "the function of When is nil")
		}
	}
}

// Undo takes the step's effect back when the job fails or is cancelled (see
// [UndoOn]): the completed steps are undone one after
// the other in reverse order, also the members of a group, each with the output
// that it recorded, [None] for a step of [Do]. Out must be what the step
// produces.
//
// Undoing is recorded like a step: it goes on after a crash or a stop, and fn may
// run again. The step's [Timeout] bounds each of its attempts, and its [Retry]
// says how often it is tried again, with at most the delay for which a job stays
// processing; neither a cancel request nor the [JobTimeout] ends it. In it,
// [Run.IdempotencyKey] and [Run.Attempt] have values of their own. A [Run.Checkpoint] made in
// it is for [Run.LastCheckpoint] in the next attempt to undo the step, also after a crash
// or a resume, and gone once that is undone. If it fails for good, the job ends as
// it would have, with both errors, and a resume goes on with the undoing.
//
// Once all is undone, a resume runs the undone steps again. Completed steps that
// have no Undo stay as they are, also then: to have them run again, resume from
// one of them. A job that failed because its process died is not undone unless
// it was at that already: a resume goes on with its steps.
func Undo[In, Out any](fn func(ctx context.Context, run *Run[In], out Out) error) Option {
	return func(s *stepSettings) {
		if fn == nil {
			s.undo = undoer[In]{of: reflect.TypeFor[Out]()}
			return
		}
		s.undo = undoer[In]{of: reflect.TypeFor[Out](), fn: func(ctx context.Context, run *Run[In], raw json.RawMessage) error {
			var out Out
			if len(raw) > 0 {
				if err := json.Unmarshal(raw, &out); err != nil {
					return fmt.Errorf("read the output to undo: %w", err)
				}
			}
			return fn(ctx, run, out)
		}}
	}
}

// undoer is a function given to Undo, and the output it takes.
type undoer[In any] struct {
	of reflect.Type
	fn func(context.Context, *Run[In], json.RawMessage) error
}

// Verify asks whether the step's effect happened, before the step runs again
// after an attempt that was cut short: its process died, its engine stopped, or
// its group ended it. fn looks, and returns true with the output that the step
// would have had, [None] for a step without one; then the step is recorded as
// completed. With false it runs again. An error fails the job, and a resume asks
// again.
func Verify[In, Out any](fn func(ctx context.Context, run *Run[In]) (out Out, happened bool, err error)) Option {
	return func(s *stepSettings) {
		if fn == nil {
			s.mistakes = append(s.mistakes, "the function of Verify is nil")
		}
		s.verify, s.verified = verifier[In](func(ctx context.Context, run *Run[In]) (json.RawMessage, bool, error) {
			out, happened, err := fn(ctx, run)
			if _, none := any(out).(None); err != nil || !happened || none {
				return nil, happened && err == nil, err
			}
			raw, err := marshalOutput(out)
			return raw, err == nil, err
		}), reflect.TypeFor[Out]()
	}
}

type verifier[In any] func(context.Context, *Run[In]) (json.RawMessage, bool, error)

// bindOptions gives the options' functions their types, and reports those that
// do not fit this definition.
func (p *planned[In]) bindOptions() (found []error) {
	s := p.settings
	bind := func(what string, option any, fits bool) {
		if option != nil && !fits {
			found = append(found, fmt.Errorf("step %q: the function of %s is for another type of input: %T", p.name, what, option))
		}
	}
	var ok bool
	p.when, ok = s.when.(func(*Run[In]) bool)
	bind("When", s.when, ok)
	p.undo, ok = s.undo.(undoer[In])
	bind("Undo", s.undo, ok)
	p.verify, ok = s.verify.(verifier[In])
	bind("Verify", s.verify, ok)
	if ok := p.undo.of == nil || p.undo.of == p.output.of; !ok {
		found = append(found, fmt.Errorf("step %q: the function of Undo takes a %v, and the step produces a %v", p.name, p.undo.of, p.output.of))
	}
	if p.undo.of != nil && p.undo.fn == nil {
		found = append(found, fmt.Errorf("step %q: the function of Undo is nil", p.name))
	}
	if s.verify != nil && s.verified != p.output.of {
		found = append(found, fmt.Errorf("step %q: the function of Verify returns a %v, and the step makes a %v", p.name, s.verified, p.output.of))
	}
	if s.undo != nil && p.does.run == nil && p.does.tx == nil && p.does.children == nil {
		found = append(found, fmt.Errorf("step %q: a step that waits has nothing to undo", p.name))
	}
	return found
}
