package worker

import (
	"context"
	"fmt"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// settle ends a run whose engine is gone.
func (w *Worker) settle(ctx context.Context, dead store.Held) {
	j, err := w.Store.Settle(ctx, dead, Interrupt)
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

// Interrupt makes j what becomes of a job whose engine is gone: cancelled where
// that was asked for, failed otherwise. Its record is kept.
func Interrupt(j *model.Job) error {
	j.Status, j.Error = model.Failed, "interrupted: its engine stopped renewing the lease; the process was killed, or cut off from the database"
	if !j.CancelRequestedAt.IsZero() {
		j.Status = model.Cancelled
	}
	data, err := model.ParseData(j.Data)
	if err == nil && data.Interrupt() { // a document that cannot be read stays
		j.Data, err = data.JSON()
		if err != nil {
			return fmt.Errorf("mark the step under way as interrupted: %w", err)
		}
	}
	return nil
}
