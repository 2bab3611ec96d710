package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// ending is how a run ends.
type ending struct {
	status model.Status
	err    string
	wake   wake // of a job that waits
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
	case r.gone || r.expired && !r.outlasted:
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
		r.broken, r.changed, r.whole, r.resultChanged, r.checkpointChanged, r.planChanged = nil, make(map[int]bool), false, false, false, false
		r.end, r.wake = model.Failed, wake{}
		r.err = cut("the database refused the job's record: "+refusal.Error(), r.worker.Limits.Error)
	})
}
