package worker

import (
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// jobTime is the time that a job works, over all its runs, which its definition
// bounds. It stands still while the job waits.
type jobTime struct {
	limit  time.Duration // 0 for none
	worked time.Duration // until since
	since  time.Time     // zero while it stands still
	up     *time.Timer
}

// over says that the job's time is up, or nil.
func (t *jobTime) over() error {
	if t.limit == 0 || t.now() < t.limit {
		return nil
	}
	return fmt.Errorf("the job %w after %v of work, all its runs together", steps.ErrTimeout, t.limit)
}

// now is the time that the job has worked by now.
func (t *jobTime) now() time.Duration {
	if t.since.IsZero() {
		return t.worked
	}
	return t.worked + time.Since(t.since)
}

// goOn has the time pass, and calls end when it is up.
func (t *jobTime) goOn(end func()) {
	if t.limit == 0 || !t.since.IsZero() {
		return
	}
	t.since = time.Now()
	t.up = time.AfterFunc(t.limit-t.worked, end)
}

// halt has the time stand still.
func (t *jobTime) halt() {
	if t.up != nil {
		t.up.Stop()
	}
	t.worked, t.since = t.now(), time.Time{}
}

// startTime has the run end when the job's time is up. The lock is held.
func (r *run) startTime() {
	r.time.limit = r.plan.Timeout
	r.time.worked = time.Duration(r.data.Plan.WorkedMS) * time.Millisecond
	r.time.goOn(r.timeUp)
}

// timeUp ends the run's context because the job's time is up.
func (r *run) timeUp() {
	r.mu.Lock()
	err := r.time.over()
	r.mu.Unlock()
	if err != nil { // it may stand still by now
		r.cancel(err)
	}
}

// keepTime has the time that the job has worked recorded with the end of a run
// that another one may follow. The lock is held.
func (r *run) keepTime(end model.Status) {
	r.time.halt()
	if r.time.limit == 0 || r.data.Plan == nil || end == model.Succeeded {
		return
	}
	r.data.Plan.WorkedMS, r.planChanged = r.time.worked.Milliseconds(), true
}
