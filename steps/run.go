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

// Run is a step's view of the job it runs in. It is made for one attempt of
// one step and must not be used after that step has returned. Its methods are
// safe for concurrent use.
type Run[In any] struct {
	step    string
	input   json.RawMessage
	session plan.Session
	ctx     context.Context //nolint:containedctx // for Cancelled, which takes none
	undoing bool
	each    atomic.Bool // an Each has begun
}

// Input returns the job's input, decoded anew at each call, so that no step
// can see what another one did to it.
func (r *Run[In]) Input() In {
	var in In
	_ = json.Unmarshal(r.input, &in) // the plan was made from it: it decodes
	return in
}

// Job returns the job's row as it was claimed: its id, name, role, email and
// so on. Its progress, message and data are those of that moment. The row is
// shared and must not be changed.
func (r *Run[In]) Job() *model.Job { return r.session.Job() }

// StepName returns the name of the step.
func (r *Run[In]) StepName() string { return r.step }

// IdempotencyKey is a stable idempotency key for the step's effects in the outside world:
// the job's id and the step's name, the same at each attempt. A step that was
// renamed (see [WasNamed]) after it first began keeps the key of its old name.
// In a function given to [Undo] it ends in ":undo".
func (r *Run[In]) IdempotencyKey() string {
	key := r.session.Job().ID.String() + ":" + r.session.BegunAs()
	if r.undoing {
		key += ":undo"
	}
	return key
}

// Attempt is the number of this attempt of the step, from 1.
func (r *Run[In]) Attempt() int { return r.session.Attempt() }

// Progress says how far the step is - done out of total, in any unit - and
// what it does. It is advisory: kept in memory, written about once a second,
// cannot fail, and never makes progress fall. A total of 0 or less changes only
// the message; an empty format changes only the share. The message is formatted
// when it is written, so frequent calls are cheap - at once, though, if there are
// arguments of other types than string, bool, time and the usual numbers, which may
// change. One that is empty changes nothing.
func (r *Run[In]) Progress(done, total int, format string, args ...any) {
	fraction := -1.0
	if total > 0 {
		fraction = float64(done) / float64(total)
	}
	r.session.Progress(fraction, format, args)
}

// Report is [Run.Progress] in the words of a [progress.Tracker]: for a step with
// phases of its own, whose tracker is made with progress.OnUpdate(run.Report), and
// for one that knows how long it will still take. It takes the Fraction, the Message
// - the name of the Phase where that is empty - and the Remaining, if the Source is
// [progress.SourceReported], [progress.SourceHistory], or empty with a Remaining: it
// replaces the engine's estimate of this step, less the time that goes by, until the
// next one. With another Source the engine's own estimate counts, which knows as
// much. In a function given to [Undo] only the message does.
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

// Cancelled reports whether the job has been asked to stop. It costs nothing;
// the step's context ends at the same time. A step that stops because of it returns
// context.Cause(ctx): one that returns no error has completed, and a job whose last
// step has completed has succeeded.
func (r *Run[In]) Cancelled() bool {
	return errors.Is(context.Cause(r.ctx), ErrCancelled)
}

// Checkpoint makes the checkpoint durable: when it returns nil, the step will find
// this checkpoint with [Run.LastCheckpoint] if it has to run again. The checkpoint is any value
// that JSON holds, small (64 KiB at most by default); each one replaces the
// last. Checkpoint refuses, with the reason, when the job was cancelled, its
// lease was lost or the engine is shutting down: a good place to stop, so the
// step just returns the error. The checkpoint that came with a refusal is recorded
// all the same unless the lease was lost. While the database is away,
// Checkpoint waits for it until ctx ends.
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
// non-nil pointer. It reports whether there was one; if not, checkpoint is left
// alone. A checkpoint that does not decode into checkpoint is an error.
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

// SetResult sets what the job ends with, in place of the last step's output. It
// is written when the job succeeds.
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
