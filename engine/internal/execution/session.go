package execution

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// session connects a step to its run.
type session struct {
	run            *run
	step           string
	lastCheckpoint json.RawMessage // of an earlier attempt
	closed         atomic.Bool     // whether the step has returned
	progressed     atomic.Bool     // whether the step has reported progress
	signs          *signs          // nil if the step does not run, as while it is undone
	attempt        int
	begunAs        string // the step's name when it first began
	inTx           bool   // whether the step runs in a transaction, see intx.go
	undoing        bool   // whether the step is being undone
}

var _ plan.Session = (*session)(nil)

// errReturned is the error for code that a step has left running.
var errReturned = errors.New("the step has returned already; a Run must not be used after that")

func newSession(r *run, step string) *session {
	s := &session{run: r, step: step}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.lastCheckpoint = r.checkpoints[step]
	if i := r.data.Step(step); i >= 0 {
		s.attempt = r.data.Steps[i].Attempts
		s.begunAs = cmp.Or(r.data.Steps[i].BegunAs, step)
		s.signs = r.signs[i]
	}
	return s
}

// close ends the session: code that the step has left running can do nothing more with it.
func (s *session) close() { s.closed.Store(true) }

func (s *session) Job() *model.Job                 { return s.run.job }
func (s *session) LastCheckpoint() json.RawMessage { return s.lastCheckpoint }
func (s *session) Attempt() int                    { return s.attempt }
func (s *session) BegunAs() string                 { return s.begunAs }

// Progress updates the tracker and stores the message. The message is formatted only when it
// is written, since a step may report very often.
func (s *session) Progress(fraction float64, format string, args []any) {
	if s.closed.Load() {
		return
	}
	if s.signs != nil {
		s.signs.report(fraction, format != "")
	}
	if fraction > 0 && s.lastCheckpoint != nil && s.progressed.CompareAndSwap(false, true) {
		s.run.tracker.RestorePart(s.step, fraction) // an earlier run did this part
	}
	s.run.tracker.Set(s.step, fraction, "")
	if format == "" {
		return
	}
	if !immutable(args) {
		format, args = "%s", []any{model.CutText(fmt.Sprintf(format, args...), s.run.Limits.Message)}
	}
	s.run.edit(func() { s.run.message.set(format, args) })
}

// Size stores how much the step has to do, unless its definition says so.
func (s *session) Size(total float64) {
	if s.closed.Load() || s.undoing {
		return
	}
	if i := s.run.plan.Index(s.step); i >= 0 && s.run.plan.Steps[i].Size == 0 {
		s.run.tracker.SetSize(s.step, total)
	}
}

// Remaining stores how long the step says that it will still take; a negative value
// withdraws that.
func (s *session) Remaining(left time.Duration) {
	if s.closed.Load() {
		return
	}
	s.run.tracker.SetRemaining(s.step, left)
	s.run.edit(func() { s.run.estimated = true })
}

// Checkpoint makes the value durable, and returns an error if the run must end.
func (s *session) Checkpoint(ctx context.Context, value json.RawMessage) error {
	if s.closed.Load() {
		return fmt.Errorf("checkpoint of step %q: %w", s.step, errReturned)
	}
	if s.inTx {
		return fmt.Errorf("checkpoint of step %q: a step in a transaction cannot make checkpoints: it takes effect as a whole or not at all", s.step)
	}
	value, err := plan.KeepJSON(value, s.run.Limits.Output)
	if err != nil {
		return fmt.Errorf("checkpoint of step %q: the checkpoint %w", s.step, err)
	}
	if s.signs != nil {
		s.signs.mark()
	}
	err = s.run.writeWithin(ctx, func() {
		if s.run.checkpoints == nil {
			s.run.checkpoints = make(model.Checkpoints)
		}
		s.run.checkpoints[s.step] = value
		s.run.changes.checkpoints, s.run.changes.progress = true, true
	})
	switch {
	case err == nil && s.undoing:
		err = s.run.undoInterruption()
	case err == nil:
		err = s.run.reportInterruption()
	}
	if err != nil {
		return fmt.Errorf("checkpoint of step %q: %w", s.step, err)
	}
	return nil
}

// Output returns the recorded output of a completed step. It finds none of a member of the
// same group.
func (s *session) Output(step string) (json.RawMessage, bool) {
	record, planned, ok := s.readable(step)
	if !ok {
		return nil, false
	}
	// The host's code reads it: no lock is held.
	output, err := planned.Read(record.Output, record.Version)
	return output, err == nil // one that does not fit was found before anything ran
}

// readable returns the record of a completed step whose output this one may read.
func (s *session) readable(step string) (record model.StepRecord, planned *plan.Step, ok bool) {
	r := s.run
	r.mu.Lock()
	defer r.mu.Unlock()
	i := r.data.Step(step)
	if i < 0 {
		return record, nil, false
	}
	record, planned = r.data.Steps[i], &r.plan.Steps[i]
	sibling := planned.Group != nil && planned.Group == r.groupOf(s.step) // members of a group do not read each other's
	return record, planned, record.Status == model.StepCompleted && !sibling
}

// groupOf returns the group of a step, nil if it has none.
func (r *run) groupOf(step string) *plan.Group {
	if i := r.plan.Index(step); i >= 0 {
		return r.plan.Steps[i].Group
	}
	return nil
}

// ChildResults reads the results of jobs that a step has enqueued.
func (s *session) ChildResults(ctx context.Context, jobs []uuid.UUID) (map[uuid.UUID]json.RawMessage, error) {
	if s.inTx && s.run.Store.SoleWriter() {
		return nil, errors.New("a step in a transaction has the database's one connection: read the children's results in a step before it")
	}
	rows, err := s.run.Store.ByIDs(ctx, s.run.Store.DB(), jobs)
	if err != nil {
		return nil, err
	}
	results := make(map[uuid.UUID]json.RawMessage, len(rows))
	for id, j := range rows {
		if result := (child{id: id, job: j}).result().Result; result != nil {
			results[id] = result
		}
	}
	return results, nil
}

// SetResult sets the job's result, if it can be stored.
func (s *session) SetResult(result json.RawMessage) error {
	r := s.run
	r.mu.Lock()
	defer r.mu.Unlock()
	result, err := r.keepResult(result)
	if err != nil {
		return err
	}
	if s.closed.Load() {
		return fmt.Errorf("set the job's result: %w", errReturned)
	}
	r.setResult(result)
	if i := r.data.Step(s.step); i >= 0 {
		r.data.Steps[i].SetsResult = true
	}
	return nil
}
