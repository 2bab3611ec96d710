package steps

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Run is a step's access to its job. It belongs to one attempt of one step and must not be
// used after that step has returned. Its methods are safe for concurrent use.
type Run[In any] struct {
	step    string
	input   json.RawMessage
	session plan.Session
	ctx     context.Context //nolint:containedctx // for Cancelled, which takes none
	undoing bool
	each    atomic.Bool  // whether Each was called
	total   atomic.Int64 // of the last call of Progress
}

// Input returns the job's input. Each call decodes it again, so that a step cannot see
// what another step changed in it.
func (r *Run[In]) Input() In {
	var in In
	_ = json.Unmarshal(r.input, &in) // cannot fail: the plan was made from it
	return in
}

// Job returns the job's row as it was claimed: its id, name, role, email and so on. Its
// progress, message and data are as of then. The row is shared and must not be changed.
func (r *Run[In]) Job() *model.Job { return r.session.Job() }

// StepName returns the name of the step.
func (r *Run[In]) StepName() string { return r.step }

// IdempotencyKey returns a key for the step's effects in other systems, which can use it
// to recognize a repetition. It is the job's id and the step's name, and the same at each
// attempt. A step that was renamed (see [WasNamed]) after it first began keeps the key of
// its old name. In a function given to [Undo] the key ends with ":undo".
func (r *Run[In]) IdempotencyKey() string {
	key := r.session.Job().ID.String() + ":" + r.session.BegunAs()
	if r.undoing {
		key += ":undo"
	}
	return key
}

// Attempt returns the number of this attempt of the step, from 1.
func (r *Run[In]) Attempt() int { return r.session.Attempt() }

// Progress reports how much of the step is done (done out of total, in any unit) and what
// it does now. It is advisory: it is kept in memory and written about once a second, it
// cannot fail, and it never makes progress fall. A total of 0 or less changes only the
// message; an empty format changes only the share. A message that is empty once formatted
// changes nothing.
//
// The total is recorded with the step as its size, and the estimates of later jobs go by it:
// use the same unit in each of them. If the size is known before the step begins, declare it
// with [Size].
//
// Frequent calls are cheap, since a message is formatted only when it is written. It is
// formatted at once if an argument has a type other than string, bool, time and the usual
// numbers, since such a value may change until then.
func (r *Run[In]) Progress(done, total int, format string, args ...any) {
	fraction := -1.0
	if total > 0 {
		fraction = float64(done) / float64(total)
		if r.total.Load() != int64(total) && r.total.Swap(int64(total)) != int64(total) {
			r.session.Size(float64(total))
		}
	}
	r.session.Progress(fraction, format, args)
}

// Report is [Run.Progress] for an update of a [progress.Tracker]. Use it in a step with
// phases of its own, by making the tracker with progress.OnUpdate(run.Report), and in a
// step that knows how long it will still take.
//
// Report uses the update's Fraction, its Message (or, if that is empty, the name of the
// Phase) and its Remaining. The Remaining replaces the engine's estimate for this step,
// counting down until the next Report, if the Source is [progress.SourceReported] or
// [progress.SourceHistory], or if the Source is empty and Remaining is positive. With
// another Source the engine uses its own estimate, which is based on the same facts. In a
// function given to [Undo] only the message has an effect.
func (r *Run[In]) Report(u progress.Update) {
	if message := cmp.Or(u.Message, u.Phase); message != "" {
		r.session.Progress(u.Fraction, "%s", []any{message})
	} else {
		r.session.Progress(u.Fraction, "", nil)
	}
	switch {
	case u.Source == progress.SourceReported, u.Source == progress.SourceHistory, u.Source == "" && u.Remaining > 0:
		r.session.Remaining(max(0, u.Remaining))
	case u.Source != "":
		r.session.Remaining(-1)
	}
}

// Cancelled reports whether a cancel of the job was requested. It costs nothing; the
// step's context ends at the same time. A step that stops because of it must return an
// error, for example context.Cause(ctx): a step that returns no error has completed, and a
// job whose last step has completed has succeeded.
func (r *Run[In]) Cancelled() bool {
	return errors.Is(context.Cause(r.ctx), ErrCancelled)
}

// Checkpoint makes a value durable. When it returns nil and the step runs again, the step
// reads the value with [Run.LastCheckpoint]. The value can be anything that JSON can store,
// at most 64 KiB by default; each checkpoint replaces the one before.
//
// Checkpoint returns an error with the reason if the job was cancelled, its lease was lost
// or the engine is shutting down. This is a good moment to stop, so the step should just
// return the error. The value is recorded nevertheless, unless the lease was lost. While
// the database is not available, Checkpoint waits for it until ctx ends.
func (r *Run[In]) Checkpoint(ctx context.Context, checkpoint any) error {
	raw, err := json.Marshal(checkpoint)
	if err != nil {
		return fmt.Errorf("checkpoint: write the checkpoint as JSON: %w", err)
	}
	if err := checkValue(checkpoint, raw); err != nil {
		return fmt.Errorf("checkpoint of step %q: the checkpoint %w", r.step, err)
	}
	return r.session.Checkpoint(ctx, raw)
}

// LastCheckpoint reads the step's last checkpoint of an earlier attempt into checkpoint, a
// non-nil pointer, and reports whether there is one; if not, checkpoint is not changed. It
// returns an error if the recorded value does not decode into checkpoint.
func (r *Run[In]) LastCheckpoint(checkpoint any) (bool, error) {
	raw := r.session.LastCheckpoint()
	if raw == nil {
		return false, nil
	}
	if err := json.Unmarshal(raw, checkpoint); err != nil {
		return false, fmt.Errorf("step %q: its recorded checkpoint does not fit a %T: %w", r.step, checkpoint, err)
	}
	return true, nil
}

// SetResult sets the job's result, instead of the output of the last step. It is recorded
// with the step, also if a later one fails, and taken back when the step runs again or is
// undone. It returns an error for a result that cannot be stored.
func (r *Run[In]) SetResult(result any) error {
	raw, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("write the result as JSON: %w", err)
	}
	return r.session.SetResult(raw)
}

// checkValue reports why a value that was written as raw could not be read back.
func checkValue(value any, raw json.RawMessage) error {
	t := reflect.TypeOf(value)
	if nothing := model.KeepsNothing(t); nothing != nil {
		return fmt.Errorf("has a %v, of which JSON keeps nothing: export its fields, or give it MarshalJSON and UnmarshalJSON", nothing)
	}
	return model.CheckReadsBack(t, raw)
}
