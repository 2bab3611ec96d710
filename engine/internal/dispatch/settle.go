package dispatch

import (
	"context"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// settle ends a run whose lease has expired.
func (d *Dispatcher) settle(ctx context.Context, dead store.LockedRun) {
	j, err := d.Store.Settle(ctx, dead, d.interrupt)
	d.afterSettle(j, err)
}

// interrupt changes a job whose engine is dead: see [plan.Interrupt].
func (d *Dispatcher) interrupt(j *model.Job) error {
	if h, ok := d.Handlers[j.Type]; ok {
		return plan.Interrupt(j, h)
	}
	return plan.Interrupt(j, nil)
}

// afterSettle logs the status of a job that was settled, and wakes its parent if the job
// has ended.
func (d *Dispatcher) afterSettle(j *model.Job, err error) {
	switch {
	case err != nil:
		d.Log.Warn("cannot settle an interrupted job; trying again", "error", err)
	case j != nil && j.Status != "":
		d.Log.Info("settled an interrupted job: its engine is dead or cut off", "job", j.ID, "type", j.Type, "status", j.Status)
		if j.ParentID != nil && j.Status.Ended() {
			d.Runs.WakeParent(*j.ParentID)
		}
	}
}
