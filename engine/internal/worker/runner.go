package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps"
)

// execute runs the job's steps from the first that is not done, and ends the
// job. It reports whether the end is in the database; if not, the run is lost.
func (r *run) execute() bool {
	r.worker.Log.Info("job started", r.attrs()...)
	if err := r.prepare(); err != nil {
		return r.finish(r.conclude(r.afterError("", err)))
	}
	var e ending
	if r.data.Undoing == nil {
		e = r.perform()
	}
	return r.finish(r.undoAfter(r.conclude(e)))
}

// ending is how a run ends.
type ending struct {
	status model.Status
	err    string
	wake   wake // of a job that waits
}

// prepare makes the plan and lays the records over it. It changes nothing if it
// fails.
func (r *run) prepare() error {
	data, err := model.ParseData(r.job.Data)
	if err != nil {
		return err
	}
	handler := r.worker.Handlers[r.job.Type]
	plan, err := MakePlan(handler, data.Input)
	if err != nil {
		return err
	}
	laid := lay(plan, data, r.worker.Limits)
	if err := laid.err(); err != nil {
		return err
	}
	if handler.Context != nil {
		if err := guard(func() error { return r.makeContext(handler, data) }); err != nil {
			return fmt.Errorf("make the job's context: %w", err)
		}
	}
	tracker, err := r.track(laid.records)
	if err != nil {
		return err
	}
	cursors, err := model.ParseCursors(r.job.Cursor)
	if err != nil {
		return err
	}
	cursors, moved := adoptCursors(plan, cursors)
	signals, err := model.ParseSignals(r.job.Signals)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plan, r.tracker, r.signals, r.cursors, r.cursorChanged = plan, tracker, signals, cursors, moved
	r.data = data // with what a newer version has put there
	r.data.Steps, r.data.Plan = laid.records, r.planRecord(plan, data.Plan)
	r.data.History = append(r.data.History, laid.removed...)
	r.data.DropHistory(r.worker.Limits.Data)
	if !slices.ContainsFunc(laid.records, func(s model.StepRecord) bool { return s.SetsResult && s.Status.Done() }) {
		r.data.Result = nil
	}
	r.whole = true
	r.startTime()
	return nil
}

// planRecord is what the row tells of the plan, after what it has told before. A
// plan that is not the one before fits all the same, and people want to know.
func (r *run) planRecord(plan *steps.Plan, before *model.PlanRecord) *model.PlanRecord {
	now := &model.PlanRecord{}
	if before != nil {
		*now = *before
	}
	now.Fingerprint, now.ResumeOnCrash, now.UndoOnCancel = plan.Fingerprint(), plan.ResumeOnCrash, plan.UndoOnCancel
	// There is none yet if the process died before the first write.
	if before != nil && before.Fingerprint != now.Fingerprint && before.Fingerprint != "" {
		now.Earlier = before.Fingerprint
		r.worker.Log.Info("the definition has changed; the job goes on under another plan, which its record fits",
			append(r.attrs(), "plan", now.Fingerprint, "earlier", now.Earlier)...)
	}
	return now
}

func (r *run) makeContext(handler Handler, data model.Data) error {
	base := r.ctx
	if Undoes(data) || len(WaitedChildren(data)) > 0 {
		base = r.life // a cancelled job's handler has more to do in that context
	}
	made, err := handler.Context(base, r.job)
	if err != nil {
		return err
	}
	if made == nil {
		return errors.New("the context factory returned nil")
	}
	// The made context carries values; that it ends is the run's business.
	var cancel context.CancelCauseFunc
	ctx := r.ctx
	made, cancel = context.WithCancelCause(made)
	context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	r.ctx = made
	return nil
}

func (r *run) track(records []model.StepRecord) (*progress.Tracker, error) {
	phases := make([]progress.Phase, len(records))
	for i, record := range records {
		phases[i] = progress.Phase{Name: record.Name, Weight: record.Weight}
	}
	tracker, err := progress.New(phases, progress.History(r.worker.history.of(r.job.Type)))
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		if record.Status.Done() {
			tracker.Restore(record.Name)
		}
	}
	return tracker, nil
}

// perform runs the steps that are not done: one after the other, the members of
// a group together.
func (r *run) perform() ending {
	begun := -1 // the step that a commit has marked as running already
	for i := 0; i < len(r.plan.Steps); {
		end := r.stageEnd(i)
		if r.stageDone(i, end) {
			i = end
			continue
		}
		if begun != i && r.decided() {
			return ending{status: model.Succeeded}
		}
		if err := r.interruption(); err != nil {
			if begun == i {
				r.unbegin(i)
			}
			return r.beforeStep(i, err)
		}
		var e *ending
		if r.plan.Steps[i].Group != nil {
			e = r.performGroup(i, end)
		} else {
			begun, e = r.performStep(i, begun == i)
		}
		if e != nil {
			return *e
		}
		i = end
	}
	return r.success(r.lastOutput())
}

// lastOutput is the recorded output of the last step.
func (r *run) lastOutput() json.RawMessage {
	last := r.record(len(r.plan.Steps) - 1)
	if last.Status != model.StepCompleted {
		return nil
	}
	return last.Output
}

// stageEnd is the index behind the steps that run together with step i.
func (r *run) stageEnd(i int) int {
	end := i + 1
	for group := r.plan.Steps[i].Group; group != nil && end < len(r.plan.Steps) && r.plan.Steps[end].Group == group; {
		end++
	}
	return end
}

func (r *run) stageDone(from, to int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !slices.ContainsFunc(r.data.Steps[from:to], func(record model.StepRecord) bool { return !record.Status.Done() })
}

// beforeStep says how a run ends that may not go on to step i. A cancelled job
// whose step waits for children ends when they have.
func (r *run) beforeStep(i int, err error) ending {
	if errors.Is(err, steps.ErrCancelled) {
		if e := r.waitForCancelled(i); e != nil {
			return *e
		}
		r.edit(func() {
			if r.data.Steps[i].Status == model.StepWaiting {
				r.endStep(i, model.StepCancelled)
			}
		})
	}
	return r.afterError("", err)
}

// performStep runs a step, and returns how the run ends if it does not go on.
// begun says that the step is marked as running; so is next then, unless it is
// -1.
func (r *run) performStep(i int, begun bool) (next int, end *ending) {
	planned := &r.plan.Steps[i]
	output, e := r.attempt(r.ctx, i, begun)
	if e != nil {
		return -1, e
	}
	last := r.next(i) < 0
	switch {
	case r.record(i).Status == model.StepSkipped:
		return -1, nil
	case r.record(i).Status == model.StepCompleted: // recorded already, by its transaction or by being verified
		if r.decided() && !last {
			return -1, &ending{status: model.Succeeded}
		}
		if last {
			e := r.success(output)
			return -1, &e
		}
		return -1, nil
	case last:
		r.edit(func() { r.complete(i, output) })
		e := r.success(output)
		return -1, &e
	case r.decided():
		r.edit(func() { r.complete(i, output) })
		return -1, &ending{status: model.Succeeded}
	}
	next = r.nextToBegin(i)
	err := r.change(func() {
		r.complete(i, output)
		if next >= 0 {
			r.begin(next)
		}
	})
	if err != nil {
		e := r.afterError(planned.Name, err)
		return -1, &e
	}
	return next, nil
}

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
	r.changed[i], r.moved, r.message = true, true, ""
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
	if _, ok := r.cursors[name]; ok {
		delete(r.cursors, name)
		r.cursorChanged = true
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

// afterError says how a run ends that an error ended, of that step if it has a
// name. Why the context ended weighs more than what the step made of it.
func (r *run) afterError(step string, err error) ending {
	text := err.Error()
	if step != "" {
		text = fmt.Sprintf("step %q: %s", step, text)
	}
	text = cut(text, r.worker.Limits.Error)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.gone || r.expired:
		return ending{status: model.Scheduled} // if the row is still this run's
	case r.cancelled:
		return ending{status: model.Cancelled, err: cancelledText(err, text)}
	case errors.Is(context.Cause(r.ctx), steps.ErrShutdown) || r.stopped && (r.refused || errors.Is(err, steps.ErrShutdown)):
		return ending{status: model.Scheduled}
	default:
		return ending{status: model.Failed, err: text}
	}
}

// cancelledText is the error of a cancelled job: none, unless its step failed
// in a way of its own.
func cancelledText(err error, text string) string {
	if errors.Is(err, steps.ErrCancelled) || errors.Is(err, context.Canceled) {
		return ""
	}
	return text
}

// decided reports whether somebody has decided from outside how the run ends.
func (r *run) decided() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.decision != nil
}

// conclude is the ending that a decision makes of e, together with its result. A
// step's own failure weighs more than being declared succeeded; being cancelled
// or handed over weighs more than any decision. No decision is taken after it:
// see decide.
func (r *run) conclude(e ending) ending {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.concluded = true
	d := r.decision
	if d == nil || e.status != model.Succeeded && e.status != model.Failed || e.status == model.Failed && d.Status == model.Succeeded {
		return e
	}
	if d.Result != nil {
		r.data.Result, r.resultChanged = d.Result, true
	}
	return ending{status: d.Status, err: cut(d.Error, r.worker.Limits.Error)}
}

// success ends the job well, with the last step's output as its result unless
// a step has set another one.
func (r *run) success(output json.RawMessage) ending {
	r.edit(func() {
		if r.data.Result == nil && output != nil {
			r.data.Result, r.resultChanged = output, true
		}
	})
	return ending{status: model.Succeeded}
}

// finish writes how the run ended and waits until that is in the database. It
// reports whether it is.
func (r *run) finish(e ending) bool {
	began := time.Now()
	err := r.change(func() {
		if e.status == model.Succeeded {
			r.skipRest()
		}
		r.keepTime(e.status)
		r.end, r.err, r.wake = e.status, e.err, e.wake
	})
	if err != nil && !errors.Is(err, steps.ErrLeaseLost) {
		err = r.finishBroken(err)
	}
	attrs := append(r.attrs(), "status", e.status, "flushed_in", time.Since(began))
	switch {
	case err != nil:
		r.worker.Log.Warn("job ended without its end being recorded", append(attrs, "error", r.shown(err.Error()))...)
		return false
	case e.err != "":
		r.worker.Log.Warn("job ended", append(attrs, "error", r.shown(e.err))...)
	case !e.wake.at.IsZero():
		r.worker.Log.Info("job waits", append(r.attrs(), "for", e.wake.why)...)
	default:
		r.worker.Log.Info("job ended", attrs...)
	}
	r.afterEnd(e)
	return true
}

// skipRest records the steps that a decision made needless. The lock is held.
func (r *run) skipRest() {
	for i := range r.data.Steps {
		if record := &r.data.Steps[i]; !record.Status.Done() {
			record.Status, record.Error = model.StepSkipped, "the job was declared succeeded before this step"
			r.changed[i] = true
			if r.tracker != nil {
				r.tracker.Done(record.Name)
			}
		}
	}
}

// finishBroken ends a run whose record the database refuses: failed, with that
// as the reason, and the row's document as it was written last.
func (r *run) finishBroken(refusal error) error {
	return r.change(func() {
		r.broken, r.changed, r.whole, r.resultChanged, r.cursorChanged, r.planChanged = nil, make(map[int]bool), false, false, false, false
		r.end, r.wake = model.Failed, wake{}
		r.err = cut("the database refused the job's record: "+refusal.Error(), r.worker.Limits.Error)
	})
}
