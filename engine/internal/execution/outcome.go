package execution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/journal"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// afterError returns how a run ends because of an error. step is the name of the step that
// returned it, empty if it is not the error of a step.
func (r *run) afterError(step string, err error) ending {
	text := err.Error()
	if step != "" {
		text = fmt.Sprintf("step %q: %s", step, text)
	}
	text = r.cutJobError(text)
	switch status := r.statusAfter(err); status {
	case model.Scheduled:
		return ending{status: status}
	case model.Cancelled:
		return ending{status: status, err: cancelledText(err, text)}
	default:
		return ending{status: status, err: text}
	}
}

// cutJobError is text as the job's own column holds an error.
func (r *run) cutJobError(text string) string { return model.CutText(text, r.Limits.Error) }

// statusAfter returns the status with which a run ends because of an error. The reason why
// the run's context ended has priority over the error itself.
func (r *run) statusAfter(err error) model.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.entry.Gone() || r.stops.leaseLost():
		return model.Scheduled // if the row is still this run's
	case r.stops.cancelled:
		return model.Cancelled
	case errors.Is(context.Cause(r.ctx), plan.ErrShutdown) || r.stops.handOver && (r.stops.reported || errors.Is(err, plan.ErrShutdown)):
		return model.Scheduled
	default:
		return model.Failed
	}
}

// cancelledText returns the error of a cancelled job: none, unless its step failed for
// another reason.
func cancelledText(err error, text string) string {
	if errors.Is(err, plan.ErrCancelled) || errors.Is(err, context.Canceled) {
		return ""
	}
	return text
}

// afterStep records that a step returned an error, and returns how the run ends.
func (r *run) afterStep(i int, err error) ending {
	end := r.afterError(r.plan.Steps[i].Name, err)
	r.edit(func() {
		plan.EndWithError(&r.data.Steps[i], end.status, errors.Is(err, plan.ErrGroupFailed), r.cut(err.Error()), r.clock.now())
		var panicked *plan.PanicError
		if errors.As(err, &panicked) {
			r.data.Steps[i].Stack = r.cut(string(panicked.Stack))
		}
		r.changes.record(i)
	})
	return end
}

// fail ends the run because its step has failed.
func (r *run) fail(i int, err error) *ending {
	e := r.afterStep(i, err)
	return &e
}

// conclude returns how the run ends, given the ending e of its steps and a decision from
// outside, if there is one. The failure of a step has priority over the decision that the
// job has succeeded; a cancel and a hand-over have priority over any decision.
func (r *run) conclude(e ending) ending {
	d := r.decidedAs()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.knowsDecision = d != nil
	if d == nil || e.status != model.Succeeded && e.status != model.Failed || e.status == model.Failed && d.Status == model.Succeeded {
		return e
	}
	if d.Result != nil {
		result, err := r.keepResult(d.Result)
		if err != nil { // it did fit when it was decided
			return ending{status: model.Failed, err: r.cutJobError(fmt.Sprintf("%s: %v", d.Message(), err))}
		}
		r.setResult(result)
	}
	if r.plan != nil { // without one, the run has not read the document and must not write it
		r.data.Declared, r.changes.document = d.Status, true
	}
	r.message = textMessage(d.Message())
	return ending{status: d.Status, err: r.cutJobError(d.Error)}
}

// success returns the ending of a job that has succeeded. The output of the last step is
// its result, unless a step has set another one.
func (r *run) success(output json.RawMessage) ending {
	r.edit(func() {
		if r.data.Result == nil && output != nil {
			r.setResult(output)
		}
	})
	return ending{status: model.Succeeded}
}

// finish writes how the run ended, and waits until that is in the database. It returns
// [journal.ErrDecided] if the run must end in another way.
func (r *run) finish(e ending) error {
	began := time.Now()
	shares := r.dispatch.Shares(r.job.Type)
	err := r.write(func() {
		if e.status == model.Succeeded {
			r.skipRest()
		}
		if e.wake.begin != nil {
			e.wake.begin()
		}
		r.recordWorkTime(e.status)
		r.end, r.err, r.wake, r.leftUntil, r.freesType = e.status, e.err, e.wake, e.leftUntil, shares
	})
	if errors.Is(err, journal.ErrDecided) {
		return err
	}
	if err != nil && !errors.Is(err, plan.ErrLeaseLost) {
		err = r.finishRejected(err)
	}
	// Of the run's context: what its factory has put there is in the log's lines too.
	ctx := context.WithoutCancel(r.ctx)
	attrs := r.with("status", e.status, "ran_ms", time.Since(r.clock.since).Milliseconds(), "flush_ms", time.Since(began).Milliseconds())
	switch {
	case err != nil:
		r.Log.WarnContext(ctx, "job ended without its end being recorded", append(attrs, "error", r.Redacted(err.Error()))...)
		return err
	case !e.leftUntil.IsZero():
		r.Log.WarnContext(ctx, "job does not fit the definition here; leaving it to engines whose definition it fits", append(attrs, "until", e.leftUntil, "error", r.Redacted(e.err))...)
	case e.err != "":
		r.Log.WarnContext(ctx, "job ended", append(attrs, "error", r.Redacted(e.err))...)
	case !e.wake.at.IsZero():
		r.Log.InfoContext(ctx, "job waits", r.with("for", e.wake.why)...)
	case e.status == model.Scheduled:
		r.Log.InfoContext(ctx, "job handed over", attrs...)
	default:
		r.Log.InfoContext(ctx, "job ended", attrs...)
	}
	r.afterEnd(e)
	return nil
}

// finishRejected ends a run whose record the database rejects: it writes that the job failed
// for that reason, and leaves the row's document as it was written last.
func (r *run) finishRejected(rejection error) error {
	return r.write(func() {
		r.entry.ClearRejected()
		r.changes.discard()
		r.end, r.wake, r.leftUntil, r.knowsDecision = model.Failed, wake{}, model.Time{}, true
		r.err = r.cutJobError("the database rejected the job's record: " + rejection.Error())
	})
}

// afterEnd starts what can continue after this run: its children, and the parent that waits
// for it.
func (r *run) afterEnd(e ending) {
	if e.status == model.Succeeded {
		r.History.hasSucceeded(r.job.Type)
	}
	if len(e.wake.children) > 0 {
		types := make([]string, len(e.wake.children))
		for i, j := range e.wake.children {
			types[i] = j.Type
		}
		r.dispatch.Due(types...)
	}
	if r.job.ParentID != nil { // whatever e says, a cancel request may have ended the job
		r.wakeParent(*r.job.ParentID)
	}
	if e.status == model.Scheduled && len(plan.AwaitedChildren(r.data)) > 0 {
		r.wakeParent(r.job.ID) // its children may have ended before it began to wait
	}
}
