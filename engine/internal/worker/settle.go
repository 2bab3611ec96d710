package worker

import (
	"context"
	"fmt"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// settle ends a run whose engine is gone.
func (w *Worker) settle(ctx context.Context, dead store.Held) {
	j, err := w.Store.Settle(ctx, dead, w.outcome)
	w.settled(j, err)
}

func (w *Worker) settled(j *model.Job, err error) {
	switch {
	case err != nil:
		w.Log.Warn("cannot settle an interrupted job; trying again", "error", err)
	case j != nil && j.Status.Ended():
		w.Log.Info("settled an interrupted job: its engine is gone", "job", j.ID, "type", j.Type, "status", j.Status)
	}
}

// outcome is what becomes of a job whose engine is gone: cancelled where that
// was asked for, failed otherwise. Its record is kept.
func (w *Worker) outcome(j *model.Job) error {
	return Interrupt(j, "its engine stopped renewing the lease: the process was killed, or cut off from the database")
}

// Interrupt makes j what a job becomes whose run was cut short.
func Interrupt(j *model.Job, why string) error {
	j.Status, j.Error = model.Failed, "interrupted: "+why
	if !j.CancelRequestedAt.IsZero() {
		j.Status = model.Cancelled
	}
	data, err := model.ParseData(j.Data)
	if err != nil || !data.Interrupt() {
		return nil // a document that cannot be read is left as it is
	}
	if j.Data, err = data.JSON(); err != nil {
		return fmt.Errorf("mark the step under way as interrupted: %w", err)
	}
	return nil
}
