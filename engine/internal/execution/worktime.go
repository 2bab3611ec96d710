package execution

import (
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// workTime measures the time that a job works, all its runs together, which its definition
// may limit. It does not run while the job waits.
type workTime struct {
	limit  time.Duration // 0 for none
	worked time.Duration // until since
	since  time.Time     // when it was last started, zero while it does not run
	up     *time.Timer
}

// over returns an error if the job's time is up.
func (t *workTime) over() error {
	if t.limit == 0 || t.now() < t.limit {
		return nil
	}
	return fmt.Errorf("the job %w after %v of work, all its runs together", plan.ErrTimeout, t.limit)
}

// now returns the time that the job has worked until now.
func (t *workTime) now() time.Duration {
	if t.since.IsZero() {
		return t.worked
	}
	return t.worked + time.Since(t.since)
}

// start starts the time, and calls end when it is up.
func (t *workTime) start(end func()) {
	if t.limit == 0 || !t.since.IsZero() {
		return
	}
	t.since = time.Now()
	t.up = time.AfterFunc(t.limit-t.worked, end)
}

// halt stops the time.
func (t *workTime) halt() {
	if t.up != nil {
		t.up.Stop()
	}
	t.worked, t.since = t.now(), time.Time{}
}
