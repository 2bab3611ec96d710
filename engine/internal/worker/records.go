package worker

import (
	"encoding/json"
	"slices"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// nextToBegin is the step that begins with the record of step i, -1 if there is
// something to be seen to before.
func (r *run) nextToBegin(i int) int {
	next := r.next(i)
	if next < 0 {
		return -1
	}
	planned := &r.plan.Steps[next]
	record := r.record(next)
	switch {
	case planned.Waits() || planned.When != nil || planned.Group != nil || record.Retrying() || planned.Verify != nil && record.Status == model.StepInterrupted:
		return -1
	case !r.counts(planned) && r.sizeWith(0) > largeDocument:
		return -1
	default:
		return next
	}
}

// largeDocument is the size from which on a step's begin is not written with the
// record of the one before, but with what is written next, a second later at
// most: a database takes about as long for each part of a large document that
// changes as for the whole.
const largeDocument = 32 << 10

// edit changes the run's state without waiting for the database.
func (r *run) edit(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// record is a copy of a step's record.
func (r *run) record(i int) model.StepRecord {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.data.Steps[i]
}

// next is the index of the first step after i that is not done, or -1.
func (r *run) next(i int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	rest := r.data.Steps[i+1:]
	n := slices.IndexFunc(rest, func(record model.StepRecord) bool { return !record.Status.Done() })
	if n < 0 {
		return -1
	}
	return i + 1 + n
}

// groupOf is the group of a step, nil if it has none.
func (r *run) groupOf(step string) *steps.GroupSettings {
	i := slices.IndexFunc(r.plan.Steps, func(p steps.PlannedStep) bool { return p.Name == step })
	if i < 0 {
		return nil
	}
	return r.plan.Steps[i].Group
}

// begin marks a step as running. The lock is held.
func (r *run) begin(i int) {
	record := &r.data.Steps[i]
	r.before[i] = *record
	if record.SetsResult { // by an attempt that has failed
		r.data.Result, r.whole = nil, true
	}
	record.Status, record.StartedAt, record.FinishedAt = model.StepRunning, r.clock.now(), model.Time{}
	record.Attempts++
	record.Error, record.DurationMS, record.Output, record.SetsResult = "", 0, nil, false
	record.WaitUntil, record.Awaits, record.SentBy, record.SentAt = model.Time{}, "", "", model.Time{}
	r.changed[i], r.moved, r.message = true, true, message{}
	_ = r.tracker.Start(record.Name) // the phases are the records
}

// unbegin takes back a begin of a step that never ran.
func (r *run) unbegin(i int) {
	r.edit(func() {
		r.data.Steps[i] = r.before[i]
		r.changed[i] = true
	})
}

// endStep marks a step as ended. The lock is held.
func (r *run) endStep(i int, status model.StepStatus) *model.StepRecord {
	record := &r.data.Steps[i]
	record.Status, record.FinishedAt = status, r.clock.now()
	record.DurationMS = record.FinishedAt.Sub(record.StartedAt.Time).Milliseconds()
	record.WaitUntil = model.Time{}
	r.changed[i], r.moved = true, true
	return record
}

// complete marks a step as completed. The lock is held.
func (r *run) complete(i int, output json.RawMessage) {
	r.recordCompletion(i, output)
	r.done(i)
}

// recordCompletion is complete's part that can be taken back. The lock is held.
func (r *run) recordCompletion(i int, output json.RawMessage) {
	planned := &r.plan.Steps[i]
	record := r.endStep(i, model.StepCompleted)
	record.Output, record.Version, record.Failures, record.Error, record.Undo = output, planned.Version, 0, "", nil
	if planned.Undo != nil {
		record.Undo = &model.UndoRecord{Status: model.StepPending}
	}
}

// done takes a step out of what is under way. The lock is held.
func (r *run) done(i int) {
	name := r.data.Steps[i].Name
	r.tracker.Done(name)
	if _, ok := r.checkpoints[name]; ok {
		delete(r.checkpoints, name)
		r.checkpointChanged = true
	}
}

// sizeWith is about the number of bytes of the document with n more, for which
// history gives way.
func (r *run) sizeWith(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.data.DropHistory(r.worker.Limits.Data - n) {
		r.whole = true
	}
	return r.data.Size() + n
}
