package plan

import (
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

const interrupted = "interrupted: its engine stopped renewing the lease; the process was killed, or cut off from the database"

// Interrupt changes a processing job whose process died: it becomes cancelled if a cancel
// was requested, ends as it was declared to end if it was, becomes scheduled if its
// definition resumes it after a crash, and failed otherwise. Its records are kept. h is the definition, nil if it is not known here; it is
// used only if the row does not yet say whether the job is resumed.
func Interrupt(j *model.Job, h Handler) error {
	j.Status, j.Error = model.Failed, interrupted
	if !j.CancelRequestedAt.IsZero() {
		j.Status = model.Cancelled
	}
	data, err := model.ParseData(j.Data)
	if err != nil {
		return nil //nolint:nilerr // a document that cannot be read stays as it is
	}
	if h != nil && data.Plan == nil && h.ResumesOnCrash() > 0 {
		data.Plan = &model.PlanRecord{ResumeOnCrash: h.ResumesOnCrash()}
	}
	interruptData(j, &data)
	if j.Data, err = data.JSON(); err != nil {
		return fmt.Errorf("mark the running step as interrupted: %w", err)
	}
	return nil
}

func interruptData(j *model.Job, data *model.Data) {
	inDoubt, p, d := data.Interrupt(j.HeartbeatAt), data.Plan, decisionOn(j, data)
	if p != nil && data.Undoing == nil { // undoing is none of the job's work
		p.WorkedMS += max(0, j.HeartbeatAt.Sub(j.StartedAt.Time).Milliseconds())
	}
	switch {
	case d != nil && j.Status != model.Cancelled:
		endAsDecided(j, data, d)
	case len(inDoubt) > 0:
		j.Error = fmt.Sprintf("%s in the middle of step %q, whose effect may have happened or not: find out which, then resume and run the step again, or skip it", interrupted, inDoubt[0])
	case j.Status == model.Cancelled && len(AwaitedChildren(*data)) > 0:
		j.Status, j.Error = model.Scheduled, "" // it is cancelled when its children have ended
	case p == nil || p.ResumeOnCrash == 0 || j.Status == model.Cancelled && !UndoesOnCancel(*data):
	case p.Crashes >= p.ResumeOnCrash:
		j.Error = fmt.Sprintf("%s; it has been resumed automatically %d times, and is not resumed again", interrupted, p.Crashes)
	default:
		p.Crashes++
		j.Status, j.Error = model.Scheduled, ""
	}
	noteOpenUndo(j, data)
}

// decisionOn returns the decision on a job, nil if there is none or its undo has begun.
func decisionOn(j *model.Job, data *model.Data) *model.Decision {
	d, err := model.ParseDecision(j.Decision)
	if err != nil || data.Undoing != nil {
		return nil
	}
	return d
}

// endAsDecided ends an interrupted job as it was declared to end. If that requires an undo,
// it becomes scheduled, as after any crash, if its definition resumes it.
func endAsDecided(j *model.Job, data *model.Data, d *model.Decision) {
	undoes := d.Status == model.Failed && data.Plan != nil && data.Plan.UndoOnFailure && hasUndoable(*data)
	if undoes && data.Plan.Crashes < data.Plan.ResumeOnCrash {
		data.Plan.Crashes++
		j.Status, j.Error = model.Scheduled, ""
		return
	}
	j.Status, j.Error, j.Message, data.Declared = d.Status, d.Error, d.Message(), d.Status
	if d.Result != nil {
		data.Result = d.Result
	}
	if undoes {
		data.Undoing = &model.Undoing{Status: d.Status, Error: d.Error}
		j.Error = interrupted
	}
	if d.Status == model.Succeeded {
		SkipRest(data.Steps)
		j.Progress = 1
	}
}

// noteOpenUndo marks a job that ends here although steps of it must still be undone, which
// only its handler can do: its error says so, and a resume continues the undo.
func noteOpenUndo(j *model.Job, data *model.Data) {
	if j.Status == model.Cancelled && data.Undoing == nil && UndoesOnCancel(*data) {
		data.Undoing = &model.Undoing{Status: model.Cancelled}
	}
	if j.Status.Ended() && data.Undoing != nil {
		j.Error += "; it has steps to undo: resume it to undo them"
		if data.Undoing.Error != "" {
			j.Error = data.Undoing.Error + "; " + j.Error
		}
	}
}
