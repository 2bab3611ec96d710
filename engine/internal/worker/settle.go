package worker

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// settle ends a run whose engine is gone.
func (w *Worker) settle(ctx context.Context, dead store.LockedRun) {
	j, err := w.Store.Settle(ctx, dead, Interrupt(w.Handlers))
	w.settled(j, err)
}

func (w *Worker) settled(j *model.Job, err error) {
	switch {
	case err != nil:
		w.Log.Warn("cannot settle an interrupted job; trying again", "error", err)
	case j != nil && j.Status != "":
		w.Log.Info("settled an interrupted job: its engine is gone", "job", j.ID, "type", j.Type, "status", j.Status)
		if j.ParentID != nil && j.Status.Ended() {
			w.wakeParent(*j.ParentID)
		}
	}
}

const interrupted = "interrupted: its engine stopped renewing the lease; the process was killed, or cut off from the database"

// Interrupt returns what makes of a job what becomes of it when its engine is
// gone: cancelled where that was asked for, scheduled where its definition has
// it go on by itself, and failed otherwise. Its record is kept. The definition
// is asked only if the record does not tell yet.
func Interrupt(handlers map[string]Handler) func(*model.Job) error {
	return func(j *model.Job) error {
		j.Status, j.Error = model.Failed, interrupted
		if !j.CancelRequestedAt.IsZero() {
			j.Status = model.Cancelled
		}
		data, err := model.ParseData(j.Data)
		if err != nil {
			return nil //nolint:nilerr // a document that cannot be read stays as it is
		}
		if h, ok := handlers[j.Type]; ok && data.Plan == nil && h.ResumesOnCrash() > 0 {
			data.Plan = &model.PlanRecord{ResumeOnCrash: h.ResumesOnCrash()}
		}
		interrupt(j, &data)
		if j.Data, err = data.JSON(); err != nil {
			return fmt.Errorf("mark the step under way as interrupted: %w", err)
		}
		return nil
	}
}

// interrupt is Interrupt of a job whose document can be read.
func interrupt(j *model.Job, data *model.Data) {
	stops, p := data.Interrupt(j.HeartbeatAt), data.Plan
	if p != nil {
		p.WorkedMS += max(0, j.HeartbeatAt.Sub(j.StartedAt.Time).Milliseconds())
	}
	switch {
	case len(stops) > 0:
		j.Error = fmt.Sprintf("%s in the middle of step %q, whose effect may have happened or not: look, and resume from it to run it again, or past it", interrupted, stops[0])
	case j.Status == model.Cancelled && len(WaitedChildren(*data)) > 0:
		j.Status, j.Error = model.Scheduled, "" // it is cancelled when they have ended
	case p == nil || p.ResumeOnCrash == 0 || j.Status == model.Cancelled && !Undoes(*data):
	case p.Crashes >= p.ResumeOnCrash:
		j.Error = fmt.Sprintf("%s; it has gone on by itself after that %d times, and does not again", interrupted, p.Crashes)
	default:
		p.Crashes++
		j.Status, j.Error = model.Scheduled, ""
	}
	leaveUndoing(j, data)
}

// leaveUndoing has a job that ends here with steps still to undo say so, and a
// resume go on with that: only a handler can undo them.
func leaveUndoing(j *model.Job, data *model.Data) {
	if j.Status == model.Cancelled && data.Undoing == nil && Undoes(*data) {
		data.Undoing = &model.Undoing{Status: model.Cancelled}
	}
	if j.Status.Ended() && data.Undoing != nil {
		j.Error += "; it has steps to undo: resume it for that"
		if data.Undoing.Error != "" {
			j.Error = data.Undoing.Error + "; " + j.Error
		}
	}
}

// Undoes reports whether a job has completed steps that are to be undone when it
// is cancelled, or is undoing them.
func Undoes(data model.Data) bool {
	if data.Undoing != nil {
		return true
	}
	return data.Plan != nil && data.Plan.UndoOnCancel && slices.ContainsFunc(data.Steps, func(r model.StepRecord) bool {
		return r.Status == model.StepCompleted && r.Undo != nil
	})
}

// Handled reports whether cancelling a scheduled job is more than marking it:
// its handler has steps to undo, or children to wait for.
func Handled(j *model.Job) bool {
	data, err := model.ParseData(j.Data)
	return err == nil && (Undoes(data) || len(WaitedChildren(data)) > 0)
}

// WaitedChildren are the jobs that a job's step waits for.
func WaitedChildren(data model.Data) []uuid.UUID {
	for _, r := range data.Steps {
		if r.Status == model.StepWaiting && len(r.Children) > 0 {
			return r.Children
		}
	}
	return nil
}
