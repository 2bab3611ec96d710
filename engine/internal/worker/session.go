package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// session is a step's connection to its run.
type session struct {
	run        *run
	step       string
	checkpoint json.RawMessage // of an earlier attempt
	closed     atomic.Bool     // the step has returned
	told       atomic.Bool     // it has said how far it is
	attempt    int
	begunAs    string // the step's name when it first began
	inTx       bool   // the step runs in a transaction, see intx.go
	undoing    bool   // the step is undone
}

// close ends the session: what the step has left running can do nothing more.
func (s *session) close() { s.closed.Store(true) }

// errReturned is what a step's leftovers are told.
var errReturned = errors.New("the step has returned already; a Run must not be used after that")

var _ steps.Session = (*session)(nil)

func newSession(r *run, step string) *session {
	s := &session{run: r, step: step}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.checkpoint = r.checkpoints[step]
	if i := r.data.Step(step); i >= 0 {
		s.attempt = r.data.Steps[i].Attempts
		s.begunAs = cmp.Or(r.data.Steps[i].BegunAs, step)
	}
	return s
}

func (s *session) Job() *model.Job                 { return s.run.job }
func (s *session) LastCheckpoint() json.RawMessage { return s.checkpoint }
func (s *session) Attempt() int                    { return s.attempt }
func (s *session) BegunAs() string                 { return s.begunAs }

// Progress moves the tracker and keeps the message, which is formatted when it is
// written: a step may say very much.
func (s *session) Progress(fraction float64, format string, args []any) {
	if s.closed.Load() {
		return
	}
	if fraction > 0 && s.checkpoint != nil && s.told.CompareAndSwap(false, true) {
		s.run.tracker.RestorePart(s.step, fraction) // it goes on from there: an earlier run has got it that far
	}
	s.run.tracker.Set(s.step, fraction, "")
	if format == "" {
		return
	}
	if !immutable(args) {
		format, args = "%s", []any{cut(fmt.Sprintf(format, args...), s.run.worker.Limits.Message)}
	}
	s.run.mu.Lock()
	s.run.message.say(format, args)
	s.run.mu.Unlock()
}

// Remaining keeps what the step says of the time that it will still take; a
// negative one takes that back.
func (s *session) Remaining(left time.Duration) {
	if s.closed.Load() {
		return
	}
	s.run.tracker.SetRemaining(s.step, left)
	s.run.mu.Lock()
	s.run.estimated = true
	s.run.mu.Unlock()
}

// Checkpoint makes the checkpoint durable, and refuses to let the step go on when
// the run is to end.
func (s *session) Checkpoint(ctx context.Context, checkpoint json.RawMessage) error {
	if s.closed.Load() {
		return fmt.Errorf("checkpoint of step %q: %w", s.step, errReturned)
	}
	if s.inTx {
		return fmt.Errorf("checkpoint of step %q: a step in a transaction has none: it happens as a whole or not at all", s.step)
	}
	if err := checkJSON(checkpoint, s.run.worker.Limits.Output); err != nil {
		return fmt.Errorf("checkpoint of step %q: the checkpoint %w", s.step, err)
	}
	err := s.run.changeWithin(ctx, func() {
		if s.run.checkpoints == nil {
			s.run.checkpoints = make(model.Checkpoints)
		}
		s.run.checkpoints[s.step] = checkpoint
		s.run.checkpointChanged, s.run.moved = true, true
	})
	switch {
	case err == nil && s.undoing:
		err = s.run.undoInterruption()
	case err == nil:
		err = s.run.refuse()
	}
	if err != nil {
		return fmt.Errorf("checkpoint of step %q: %w", s.step, err)
	}
	return nil
}

func (s *session) Output(step string) (json.RawMessage, bool) {
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	i := s.run.data.Step(step)
	if i < 0 {
		return nil, false
	}
	record, planned := s.run.data.Steps[i], s.run.plan.Steps[i]
	if record.Status != model.StepCompleted || planned.Group != nil && planned.Group == s.run.groupOf(s.step) {
		return nil, false // members of a group do not read each other's
	}
	output, err := planned.Read(record.Output, record.Version)
	return output, err == nil // one that does not fit was found before anything ran
}

func (s *session) SetResult(result json.RawMessage) error {
	if err := s.run.checkResult(result); err != nil {
		return err
	}
	if s.closed.Load() {
		return fmt.Errorf("set the job's result: %w", errReturned)
	}
	s.run.mu.Lock()
	defer s.run.mu.Unlock()
	s.run.data.Result, s.run.resultChanged = result, true
	if i := s.run.data.Step(s.step); i >= 0 {
		s.run.data.Steps[i].SetsResult = true
	}
	return nil
}

// Decision is how a run is to end, as somebody decided from outside its steps.
type Decision struct {
	Status model.Status // succeeded or failed
	Error  string
	Result json.RawMessage
}

// ErrEnding is returned for a decision on a run that has already ended.
var ErrEnding = errors.New("job is ending already")

// decide keeps the decision for when the step under way has returned.
func (r *run) decide(d Decision) error {
	if d.Result != nil {
		if err := r.checkResult(d.Result); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.concluded || r.gone {
		return ErrEnding
	}
	r.decision = &d
	return nil
}

// checkResult reports why a result cannot be recorded.
func (r *run) checkResult(result json.RawMessage) error {
	if err := checkJSON(result, r.worker.Limits.Output); err != nil {
		return fmt.Errorf("the job's result %w", err)
	}
	if size := r.sizeWith(len(result)); size > r.worker.Limits.Data {
		return fmt.Errorf("with a result of %d bytes the job's data would have %d, more than the bound of %d: store it elsewhere and keep its address",
			len(result), size, r.worker.Limits.Data)
	}
	return nil
}

// checkJSON reports why raw cannot be put into a row.
func checkJSON(raw json.RawMessage, limit int) error {
	if len(raw) > limit {
		return fmt.Errorf("has %d bytes, more than the bound of %d: store it elsewhere and keep its address", len(raw), limit)
	}
	return model.CheckJSON(raw)
}
