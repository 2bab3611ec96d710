package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
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
	plan, err := r.prepare()
	if err != nil {
		return r.finish(r.afterError("", err))
	}
	return r.finish(r.perform(plan))
}

// ending is how a run ends.
type ending struct {
	status model.Status
	err    string
}

// prepare makes the plan and lays the records over it. It changes nothing if it
// fails.
func (r *run) prepare() (*steps.Plan, error) {
	data, err := model.ParseData(r.job.Data)
	if err != nil {
		return nil, err
	}
	handler := r.worker.Handlers[r.job.Type]
	var plan *steps.Plan
	if err := guard(func() (err error) {
		plan, err = handler.Plan(data.Input)
		return err
	}); err != nil {
		return nil, err
	}
	records, err := merge(plan, data.Steps, r.worker.Limits)
	if err != nil {
		return nil, err
	}
	if handler.Context != nil {
		if err := guard(func() error { return r.makeContext(handler) }); err != nil {
			return nil, fmt.Errorf("make the job's context: %w", err)
		}
	}
	tracker, err := r.track(records)
	if err != nil {
		return nil, err
	}
	var cursor *model.Cursor
	if r.job.Cursor != nil {
		if err := json.Unmarshal(r.job.Cursor, &cursor); err != nil {
			return nil, fmt.Errorf("read the recorded cursor: %w", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.data, r.tracker = model.Data{Input: data.Input, Steps: records}, tracker
	if slices.ContainsFunc(records, func(s model.StepRecord) bool { return s.SetsResult && s.Status.Done() }) {
		r.data.Result = data.Result
	}
	r.whole, r.cursor = true, cursor
	return plan, nil
}

func (r *run) makeContext(handler Handler) error {
	made, err := handler.Context(r.ctx, r.job)
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

// perform runs the steps that are not done, one after the other.
func (r *run) perform(plan *steps.Plan) ending {
	begun := -1 // the step that a commit has marked as running already
	for i, planned := range plan.Steps {
		if r.data.Steps[i].Status.Done() {
			continue
		}
		if err := r.interruption(); err != nil {
			if begun == i {
				r.unbegin(i)
			}
			return r.afterError("", err)
		}
		if begun != i {
			r.edit(func() { r.begin(i) })
		}
		output, err := r.call(planned)
		if err != nil {
			return r.afterStep(i, err)
		}
		next := r.next(i)
		if next < 0 {
			r.edit(func() { r.complete(i, output) })
			return r.success(output)
		}
		if r.decided() {
			r.edit(func() { r.complete(i, output) })
			return ending{status: model.Succeeded}
		}
		if err := r.change(func() { r.complete(i, output); r.begin(next) }); err != nil {
			return r.afterError(planned.Name, err)
		}
		begun = next
	}
	return r.success(nil)
}

// edit changes the run's state without waiting for the database.
func (r *run) edit(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// next is the index of the first step after i that is not done, or -1.
func (r *run) next(i int) int {
	rest := r.data.Steps[i+1:]
	n := slices.IndexFunc(rest, func(record model.StepRecord) bool { return !record.Status.Done() })
	if n < 0 {
		return -1
	}
	return i + 1 + n
}

// begin marks a step as running. The lock is held.
func (r *run) begin(i int) {
	record := &r.data.Steps[i]
	record.Status, record.StartedAt, record.FinishedAt = model.StepRunning, r.clock.now(), model.Time{}
	record.Attempts++
	record.Error, record.DurationMS, record.Output, record.SetsResult = "", 0, nil, false
	r.changed[i], r.moved, r.message = true, true, ""
	_ = r.tracker.Start(record.Name) // the phases are the records
}

// unbegin takes back a begin of a step that never ran.
func (r *run) unbegin(i int) {
	r.edit(func() {
		record := &r.data.Steps[i]
		record.Attempts--
		record.Status, record.StartedAt = model.StepPending, model.Time{}
		if record.Attempts > 0 {
			record.Status = model.StepInterrupted
		}
		r.changed[i] = true
	})
}

// end marks a step as ended. The lock is held.
func (r *run) endStep(i int, status model.StepStatus) *model.StepRecord {
	record := &r.data.Steps[i]
	record.Status, record.FinishedAt = status, r.clock.now()
	record.DurationMS = record.FinishedAt.Sub(record.StartedAt.Time).Milliseconds()
	r.changed[i], r.moved = true, true
	return record
}

// complete marks a step as completed. The lock is held.
func (r *run) complete(i int, output json.RawMessage) {
	r.endStep(i, model.StepCompleted).Output = output
	r.tracker.Done(r.data.Steps[i].Name)
	if r.cursor != nil {
		r.cursor, r.cursorChanged = nil, true
	}
}

// call runs the step, in a goroutine of its own so that one which ends its
// goroutine ends nothing else, and checks its output.
func (r *run) call(planned steps.PlannedStep) (json.RawMessage, error) {
	var output json.RawMessage
	session := newSession(r, planned.Name)
	err := guard(func() (err error) {
		output, err = planned.Run(r.ctx, session)
		return err
	})
	session.close()
	if err != nil || output == nil {
		return nil, err
	}
	if err := checkJSON(output, r.worker.Limits.Output); err != nil {
		return nil, fmt.Errorf("its output %w", err)
	}
	if size := r.size() + len(output); size > r.worker.Limits.Data {
		return nil, fmt.Errorf("with its output of %d bytes the job's data would have %d, more than the bound of %d: store it elsewhere and keep its address",
			len(output), size, r.worker.Limits.Data)
	}
	return output, nil
}

// size is about the number of bytes of the document.
func (r *run) size() int {
	const record = 200 // of a record, beside its name and output
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.data.Input) + len(r.data.Result)
	for _, s := range r.data.Steps {
		n += record + len(s.Name) + len(s.Output) + len(s.Error)
	}
	return n
}

// PanicError is the error of a step that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

var errExited = errors.New("the step ended its goroutine (runtime.Goexit, or a test's FailNow) instead of returning")

// guard calls fn in a goroutine and returns its error: a [PanicError] if it
// panicked, and otherwise one that can be read without running foreign code.
func guard(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errExited
		defer func() {
			if value := recover(); value != nil {
				err = &PanicError{Value: value, Stack: debug.Stack()}
			}
			done <- err
		}()
		err = settled(fn())
	}()
	return <-done
}

// settledError is what a step's error said when it was asked, in the step's own
// goroutine: its methods may panic.
type settledError struct {
	text string
	is   []error
}

func (e *settledError) Error() string   { return e.text }
func (e *settledError) Unwrap() []error { return e.is }

func settled(err error) error {
	if err == nil {
		return nil
	}
	out := &settledError{text: err.Error()}
	for _, known := range []error{steps.ErrCancelled, steps.ErrShutdown, steps.ErrLeaseLost, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			out.is = append(out.is, known)
		}
	}
	return out
}

// afterStep records a step that returned an error, and says how the run ends.
func (r *run) afterStep(i int, err error) ending {
	name := r.data.Steps[i].Name
	end := r.afterError(name, err)
	r.edit(func() {
		status := model.StepFailed
		switch end.status {
		case model.Cancelled:
			status = model.StepCancelled
		case model.Scheduled:
			status = model.StepInterrupted
		}
		record := r.endStep(i, status)
		record.Error = cut(err.Error(), r.worker.Limits.Error)
		if end.status == model.Scheduled {
			record.Attempts-- // being handed over costs none
		}
	})
	return end
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

// obey is the ending that a decision makes of e, together with its result. A
// step's own failure weighs more than being declared succeeded; being cancelled
// or handed over weighs more than any decision. The lock is held, and no
// decision is taken after it: see decide.
func (r *run) obey(e ending) ending {
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
		if e = r.obey(e); e.status == model.Succeeded {
			r.skipRest()
		}
		r.end, r.err = e.status, e.err
	})
	if err != nil && !errors.Is(err, steps.ErrLeaseLost) {
		err = r.finishBroken(err)
	}
	attrs := append(r.attrs(), "status", e.status, "flushed_in", time.Since(began))
	switch {
	case err != nil:
		r.worker.Log.Warn("job ended without its end being recorded", append(attrs, "error", err)...)
	case e.err != "":
		r.worker.Log.Warn("job ended", append(attrs, "error", e.err)...)
	default:
		r.worker.Log.Info("job ended", attrs...)
	}
	return err == nil
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
	r.mu.Lock()
	r.broken, r.changed, r.whole, r.resultChanged, r.cursorChanged = nil, make(map[int]bool), false, false, false
	r.mu.Unlock()
	return r.change(func() {
		r.end = model.Failed
		r.err = cut("the database refused the job's record: "+refusal.Error(), r.worker.Limits.Error)
	})
}
