package worker

import (
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/steps"
)

// heldAs is the run as its type's lock has it.
func (r *run) heldAs() store.LockedRun {
	return store.LockedRun{Type: r.job.Type, JobID: r.job.ID, Attempt: r.job.Attempt}
}

// renewed notes that the lease was renewed by a request sent at that time.
func (r *run) renewed(sent time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return
	}
	r.expiry.Reset(time.Until(sent.Add(r.worker.Owner.Lease)))
}

// expire ends the run whose lease could not be renewed in time: another engine
// may take the job over from now on.
func (r *run) expire() {
	r.worker.Log.Warn("the lease could not be renewed in time; ending the run", r.attrs()...)
	r.mu.Lock()
	r.expired = true
	r.mu.Unlock()
	r.endLife(steps.ErrLeaseLost)
}
