package execution

import (
	"context"
	"errors"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// postpone counts a failed attempt and makes the step wait for its next one, with
// the next write. It reports whether there is a next one.
func (r *run) postpone(i int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	more := r.plan.Steps[i].ScheduleRetry(&r.data.Steps[i], r.clock.now())
	if more {
		r.changes.records[i] = true // another member's write may have carried the failure already
	}
	return more
}

// waitToRetry waits for the time of a step's next attempt, if it has failed
// before. It returns how the run ends if it must end before that, or leaves its type
// to others meanwhile.
func (r *run) waitToRetry(ctx context.Context, i int) *ending {
	record := r.record(i)
	if !record.Retrying() {
		return nil
	}
	delay := record.WaitUntil.Sub(r.clock.now().Time)
	if delay > 0 && delay > r.RetryInPlace {
		return r.waits(i)
	}
	if r.plan.Steps[i].Group == nil { // the other members work on
		r.edit(r.time.halt)
		defer r.edit(func() { r.time.start(r.timeUp) })
	}
	r.entry.Mark() // the failed attempt counts, and people see what it waits for
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		if r.decided() {
			return r.stopRetrying(i, errors.New(record.Error))
		}
		return nil
	case <-ctx.Done():
	case <-r.handingOver:
	}
	why := r.interruption()
	if why == nil {
		why = context.Cause(ctx)
	}
	return r.stopRetrying(i, why)
}

// stopRetrying is how the run ends instead of another attempt of the step. One
// that is handed over waits on elsewhere.
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
