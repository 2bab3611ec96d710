package plan

import (
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

const interrupted = "interrupted: its engine stopped renewing the lease; the process was killed, or cut off from the database"

// Interrupt changes a processing job to what it is when its engine is gone: cancelled
// where that was asked for, scheduled where its definition says that it is resumed by
// itself, and failed otherwise. Its records are kept. h is the definition, nil if it
// is not known here; it is asked only where the row says nothing yet.
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

// leaveUndoing records on a job that ends here with steps still to undo that a resume
// continues with that: only a handler can undo them.
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
