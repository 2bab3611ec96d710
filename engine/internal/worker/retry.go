package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// postpone counts a failed attempt and has the step wait for its next one, with
// the next write. It reports whether there is a next one.
func (r *run) postpone(i int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	record := &r.data.Steps[i]
	record.Failures++
	delay, more := r.plan.Steps[i].Retries.Delay(record.Failures)
	if more {
		// Another member's write may have carried the failure already.
		record.Status, record.WaitUntil, r.changed[i] = model.StepWaiting, model.TimeOf(r.clock.now().Add(delay)), true
	}
	return more
}

// waitToRetry waits for the time of a step's next attempt, if it has failed
// before. It returns how the run ends if it is to end before that, or to leave
// its type to others meanwhile.
func (r *run) waitToRetry(ctx context.Context, i int) *ending {
	record := r.record(i)
	if !record.Retrying() {
		return nil
	}
	delay := record.WaitUntil.Sub(r.clock.now().Time)
	if delay > 0 && delay > r.worker.RetryInPlace {
		return r.waitsToRetry(i)
	}
	if r.plan.Steps[i].Group == nil { // the other members work on
		r.edit(r.time.halt)
		defer r.edit(func() { r.time.goOn(r.timeUp) })
	}
	r.worker.mark(r) // the failed attempt counts, and people see what it waits for
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		if r.decided() {
			return r.stopRetrying(i, errors.New(record.Error))
		}
		return nil
	case <-ctx.Done():
	case <-r.stopping:
	}
	why := r.interruption()
	if why == nil {
		why = context.Cause(ctx)
	}
	return r.stopRetrying(i, why)
}

// waitsToRetry is the ending of a run whose step waits for its next attempt.
func (r *run) waitsToRetry(i int) *ending {
	return r.waits(i, fmt.Sprintf("the next attempt of step %q", r.plan.Steps[i].Name))
}

// stopRetrying is how the run ends instead of another attempt of the step. One
// that is handed over waits on elsewhere.
func (r *run) stopRetrying(i int, why error) *ending {
	end := r.afterError(r.plan.Steps[i].Name, why)
	if end.status == model.Scheduled {
		return r.waitsToRetry(i)
	}
	r.edit(func() {
		record := &r.data.Steps[i]
		record.WaitUntil, record.Status, r.changed[i] = model.Time{}, model.StepFailed, true
		if end.status == model.Cancelled {
			record.Status = model.StepCancelled
		}
	})
	return &end
}
