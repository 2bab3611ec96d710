package steps

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
)

// When runs the step only if cond returns true. cond is called when the step's turn has
// come. Otherwise the step is recorded as skipped, with the reason why, before the next
// step begins; its output is the zero value, and it counts as done in the job's progress.
//
// cond may read the outputs of earlier steps, and should do little else. It is not called
// again, after a crash or at a resume, for a step that was skipped or has begun. If cond
// panics, the job fails, and a resume calls it again.
func When[In any](cond func(*Run[In]) bool, why string) Option {
	return func(s *stepSettings) {
		if s.when, s.whenWhy = cond, cmp.Or(why, "its condition was not met"); cond == nil {
			s.mistakes = append(s.mistakes, "the function of When is nil")
		}
	}
}

// Undo undoes the step's effect when the job fails or is cancelled (see [UndoOn]). The
// completed steps are undone one after the other in reverse order, also the members of a
// group. fn gets the output that the step recorded, [None] for a step added with [Do];
// Out must be the step's output type.
//
// The undo is recorded like a step: it continues after a crash or a stop, and fn may run
// again. The step's [Timeout] limits each attempt, and its [Retry] says how often fn is
// tried again; the delays are at most the engine's Config.RetryInPlace, or a second if that
// is longer. Neither a cancel request nor the [JobTimeout] ends it. In fn,
// [Run.IdempotencyKey] and [Run.Attempt] have values of their own. A [Run.Checkpoint] made
// in fn is what [Run.LastCheckpoint] finds in the next attempt to undo the step, also after
// a crash or a resume; it is deleted once the step is undone. If fn fails in its last
// attempt, the job ends with the status that it would have had, and with both errors; a
// resume continues the undo.
//
// Once everything is undone, a resume runs the undone steps again. A completed step
// without Undo stays completed also then; to run it again, resume from it or from an
// earlier step. If a job failed because its process died, its steps are not undone, unless
// an undo was in progress: a resume continues with its steps.
func Undo[In, Out any](fn func(ctx context.Context, run *Run[In], out Out) error) Option {
	return func(s *stepSettings) {
		if fn == nil {
			s.undo = undoFunc[In]{of: reflect.TypeFor[Out]()}
			return
		}
		s.undo = undoFunc[In]{of: reflect.TypeFor[Out](), fn: func(ctx context.Context, run *Run[In], raw json.RawMessage) error {
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

// undoFunc is a function given to Undo, with the output type that it expects.
type undoFunc[In any] struct {
	of reflect.Type
	fn func(context.Context, *Run[In], json.RawMessage) error
}

// Verify finds out whether the step's effect has happened, before the step runs again
// after an attempt that was cut short: its process died, its engine stopped, or another
// member of its group failed. If the effect has happened, fn returns true and the output
// that the step would have had, [None] for a step without an output; then the step is
// recorded as completed. If fn returns false, the step runs again. If fn returns an error,
// the job fails, and a resume calls fn again.
func Verify[In, Out any](fn func(ctx context.Context, run *Run[In]) (out Out, happened bool, err error)) Option {
	return func(s *stepSettings) {
		if fn == nil {
			s.mistakes = append(s.mistakes, "the function of Verify is nil")
		}
		s.verify, s.verifyOutput = verifyFunc[In](func(ctx context.Context, run *Run[In]) (json.RawMessage, bool, error) {
			out, happened, err := fn(ctx, run)
			if _, none := any(out).(None); err != nil || !happened || none {
				return nil, happened && err == nil, err
			}
			raw, err := marshalOutput(out)
			return raw, err == nil, err
		}), reflect.TypeFor[Out]()
	}
}

type verifyFunc[In any] func(context.Context, *Run[In]) (json.RawMessage, bool, error)

// bindOptions converts the functions of the options to their types, and returns errors
// for those that do not fit this step.
func (p *planned[In]) bindOptions() (found []error) {
	s := p.settings
	bind := func(what string, option any, fits bool) {
		if option != nil && !fits {
			found = append(found, fmt.Errorf("step %q: the function of %s is for another type of input: %T", p.name, what, option))
		}
	}
	var ok bool
	p.size, ok = s.size.(func(In) float64)
	bind("Size", s.size, ok)
	p.when, ok = s.when.(func(*Run[In]) bool)
	bind("When", s.when, ok)
	p.undo, ok = s.undo.(undoFunc[In])
	bind("Undo", s.undo, ok)
	p.verify, ok = s.verify.(verifyFunc[In])
	bind("Verify", s.verify, ok)
	if ok := p.undo.of == nil || p.undo.of == p.output.of; !ok {
		found = append(found, fmt.Errorf("step %q: the function of Undo takes a %v, but the step returns a %v", p.name, p.undo.of, p.output.of))
	}
	if p.undo.of != nil && p.undo.fn == nil {
		found = append(found, fmt.Errorf("step %q: the function of Undo is nil", p.name))
	}
	if s.verify != nil && s.verifyOutput != p.output.of {
		found = append(found, fmt.Errorf("step %q: the function of Verify returns a %v, but the step returns a %v", p.name, s.verifyOutput, p.output.of))
	}
	if s.undo != nil && p.work.run == nil && p.work.tx == nil && p.work.children == nil {
		found = append(found, fmt.Errorf("step %q: a step that waits has nothing to undo", p.name))
	}
	return found
}
