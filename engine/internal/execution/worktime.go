package execution

import (
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// workTime is the time that a job works, over all its runs, which its definition
// bounds. It stands still while the job waits.
type workTime struct {
	limit  time.Duration // 0 for none
	worked time.Duration // until since
	since  time.Time     // zero while it stands still
	up     *time.Timer
}

// over says that the job's time is up, or nil.
func (t *workTime) over() error {
	if t.limit == 0 || t.now() < t.limit {
		return nil
	}
	return fmt.Errorf("the job %w after %v of work, all its runs together", plan.ErrTimeout, t.limit)
}

// now is the time that the job has worked by now.
func (t *workTime) now() time.Duration {
	if t.since.IsZero() {
		return t.worked
	}
	return t.worked + time.Since(t.since)
}

// start lets the time pass, and calls end when it is up.
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
