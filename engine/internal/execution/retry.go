package execution

import (
	"context"
	"errors"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// postpone counts a failed attempt and makes the step wait for its next one; both are
// recorded with the next write. It returns false if no attempt is left.
func (r *run) postpone(i int) bool {
	var record model.StepRecord
	more := false
	r.edit(func() {
		if more = r.plan.Steps[i].Postpone(&r.data.Steps[i], r.clock.now()); more {
			r.changes.records[i] = true // another member's write may already have included the failure
		}
		record = r.data.Steps[i]
	})
	if more {
		r.logFailure(record)
	}
	return more
}

// logFailure logs an attempt that failed and that another one follows.
func (r *run) logFailure(record model.StepRecord) {
	attrs := r.with("step", record.Name, "step_attempt", record.Attempts, "error", r.Redacted(record.Error), "next_in_ms", record.WaitUntil.Sub(record.FinishedAt.Time).Milliseconds())
	if record.Stack != "" {
		attrs = append(attrs, "stack", r.Redacted(record.Stack))
	}
	r.Log.WarnContext(context.WithoutCancel(r.ctx), "step failed; trying again", attrs...)
}

// waitToRetry waits until a step's next attempt is due, if the step has failed. It returns
// how the run ends if it must end before that, or if the delay is so long that other jobs
// of its type should run meanwhile.
func (r *run) waitToRetry(ctx context.Context, i int) *ending {
	record := r.record(i)
	if !record.Retrying() {
		return nil
	}
	delay := record.WaitUntil.Sub(r.clock.now().Time)
	if delay > 0 && delay > r.RetryInPlace {
		return r.waits(i)
	}
	if r.plan.Steps[i].Group == nil { // in a group the other members keep working
		r.edit(r.time.halt)
		defer r.edit(func() { r.time.start(r.timeUp) })
	}
	r.entry.Mark() // to record the failed attempt, and to show what the job waits for
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.decision.came:
	case <-ctx.Done():
		return r.stopWaiting(ctx, i)
	case <-r.handingOver:
		return r.stopWaiting(ctx, i)
	}
	if r.decided() {
		return r.stopRetrying(i, errors.New(record.Error))
	}
	return nil
}

// stopWaiting returns how the run ends that must not wait for another attempt of the step.
func (r *run) stopWaiting(ctx context.Context, i int) *ending {
	why := r.interruption()
	if why == nil {
		why = context.Cause(ctx)
	}
	return r.stopRetrying(i, why)
}

// stopRetrying returns how the run ends instead of another attempt of the step. If the job
// is handed over, the step keeps waiting for its next attempt.
func (r *run) stopRetrying(i int, why error) *ending {
	end := r.afterError(r.plan.Steps[i].Name, why)
	if end.status == model.Scheduled {
		return r.waits(i)
	}
	r.edit(func() {
		plan.StopRetrying(&r.data.Steps[i], end.status)
		r.changes.records[i] = true
	})
	return &end
}
