package steps

import (
	"context"
	"encoding/json"
	"fmt"
)

// When has the step run only if cond is true when its turn has come; otherwise
// it is recorded as skipped, with the reason why. Its output is then the zero
// value. What was recorded stands: a resume does not ask again.
func When[In any](cond func(*Run[In]) bool, why string) Option {
	return func(s *stepSettings) { s.when, s.whenWhy = cond, why }
}

// Undo takes the step's effect back when the job fails or is cancelled (see
// [UndoOnFailure] and [UndoOnCancel]): the completed steps are undone in reverse
// order, each with the output that it recorded, [None] for a step without one.
// Undoing is recorded like a step: it goes on after a crash, and fn may run
// again. [Run.Key] has a value of its own in it. If it fails, the step's [Retry]
// says how often it is tried again; after that the job ends, and a resume goes
// on with the undoing.
func Undo[In, Out any](fn func(ctx context.Context, run *Run[In], out Out) error) Option {
	return func(s *stepSettings) {
		s.undo = undoer[In](func(ctx context.Context, run *Run[In], raw json.RawMessage) error {
			var out Out
			if len(raw) > 0 {
				if err := json.Unmarshal(raw, &out); err != nil {
					return fmt.Errorf("read the output to undo: %w", err)
				}
			}
			return fn(ctx, run, out)
		})
	}
}

type undoer[In any] func(context.Context, *Run[In], json.RawMessage) error

// Verify asks whether the step's effect happened when its process died in the
// middle of it: fn looks, and returns true with the output that the step would
// have had; then the step is recorded as completed. With false it runs again.
func Verify[In, Out any](fn func(ctx context.Context, run *Run[In]) (out Out, happened bool, err error)) Option {
	return func(s *stepSettings) {
		s.verify = verifier[In](func(ctx context.Context, run *Run[In]) (json.RawMessage, bool, error) {
			out, happened, err := fn(ctx, run)
			if err != nil || !happened {
				return nil, false, err
			}
			raw, err := marshalOutput(out)
			return raw, true, err
		})
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
	if s.undo != nil && p.does.run == nil && p.does.tx == nil && p.does.children == nil {
		found = append(found, fmt.Errorf("step %q: a step that waits has nothing to undo", p.name))
	}
	return found
}
