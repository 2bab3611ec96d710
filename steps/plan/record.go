package plan

import (
	"encoding/json"
	"slices"

	"github.com/ntxdev/jobsystem/model"
)

// Begin marks step i as running. It clears the job's result if an earlier attempt of the
// step has set it, and reports that.
func Begin(data *model.Data, i int, now model.Time) (resultCleared bool) {
	record := &data.Steps[i]
	if record.SetsResult {
		data.Result, resultCleared = nil, true
	}
	record.Status, record.StartedAt, record.FinishedAt = model.StepRunning, now, model.Time{}
	record.Attempts++
	record.Error, record.Stack, record.DurationMS, record.Output, record.SetsResult = "", "", 0, nil, false
	record.Size, record.Reports, record.SilenceMS, record.StalledAt = 0, false, 0, model.Time{}
	record.WaitUntil, record.Awaits, record.SentBy, record.SentAt = model.Time{}, "", "", model.Time{}
	return resultCleared
}

// BeginWait marks step i as waiting until a time; the zero time means without a time
// limit. See [Begin] for what it reports.
func BeginWait(data *model.Data, i int, now, until model.Time) (resultCleared bool) {
	resultCleared = Begin(data, i, now)
	data.Steps[i].Status, data.Steps[i].WaitUntil = model.StepWaiting, until
	return resultCleared
}

// End marks a step as ended, with that status.
func End(record *model.StepRecord, status model.StepStatus, now model.Time) {
	record.Status, record.FinishedAt = status, now
	record.DurationMS = now.Sub(record.StartedAt.Time).Milliseconds()
	record.WaitUntil, record.StalledAt = model.Time{}, model.Time{}
}

// Complete marks a step as completed with its output, nil for none.
func (s *Step) Complete(record *model.StepRecord, output json.RawMessage, now model.Time) {
	End(record, model.StepCompleted, now)
	record.Output, record.Version, record.Failures, record.Error, record.Undo = output, s.Version, 0, "", nil
	if s.Undo != nil {
		record.Undo = &model.UndoRecord{Status: model.StepPending}
	}
}

// Skip marks a step as skipped, and says why.
func Skip(record *model.StepRecord, why string, now model.Time) {
	record.Status, record.Error, record.FinishedAt = model.StepSkipped, why, now
}

// EndWithError marks a step that returned an error as ended. runEnds is the job's status
// after the run: it makes the step cancelled, interrupted (for scheduled, a hand-over) or
// failed. cutShort says that the step ended because another member of its group failed.
func EndWithError(record *model.StepRecord, runEnds model.Status, cutShort bool, text string, now model.Time) {
	status := model.StepFailed
	switch {
	case runEnds == model.Cancelled:
		status = model.StepCancelled
	case runEnds == model.Scheduled || cutShort:
		status = model.StepInterrupted
	}
	End(record, status, now)
	record.Error = text
	if runEnds == model.Scheduled {
		record.Attempts-- // a hand-over costs no attempt
	}
}

// SkipRest marks the steps that are not done as skipped, because the job was declared
// succeeded, and returns their indexes.
func SkipRest(records []model.StepRecord) (skipped []int) {
	for i := range records {
		if record := &records[i]; !record.Status.Done() {
			record.Status, record.Error = model.StepSkipped, "the job was declared succeeded before this step"
			skipped = append(skipped, i)
		}
	}
	return skipped
}

// ConditionFailed marks a step whose When or Verify failed, so that it is not known whether
// the step must run. This is no attempt of the step; the next run calls the function again.
func ConditionFailed(record *model.StepRecord, text string) {
	record.Error = text
	if record.Status != model.StepInterrupted {
		record.Status = model.StepFailed
	}
}

// Postpone counts a failed attempt and makes the step wait for its next one. It
// returns false if no attempt is left.
func (s *Step) Postpone(record *model.StepRecord, now model.Time) bool {
	record.Failures++
	delay, more := s.Retry.Delay(record.Failures)
	if more {
		record.Status, record.WaitUntil = model.StepWaiting, model.TimeOf(now.Add(delay))
		keepError(record)
	}
	return more
}

// keepError keeps the error of an attempt that another one follows, and of those before
// it the last ones.
func keepError(record *model.StepRecord) {
	earlier := append(slices.Clone(record.EarlierErrors), model.AttemptError{
		Attempt: record.Attempts, At: record.FinishedAt, Error: model.CutText(record.Error, shortError),
	})
	record.EarlierErrors = earlier[max(0, len(earlier)-model.MaxEarlierErrors):]
}

// StopRetrying marks a step that waits for its next attempt as ended, because the job ends
// with status runEnds.
func StopRetrying(record *model.StepRecord, runEnds model.Status) {
	record.WaitUntil, record.Status = model.Time{}, model.StepFailed
	if runEnds == model.Cancelled {
		record.Status = model.StepCancelled
	}
}

// Next returns the index of the first step after i that is not done, or -1. With i of -1
// it begins with the first step.
func Next(records []model.StepRecord, i int) int {
	for n := i + 1; n < len(records); n++ {
		if !records[n].Status.Done() {
			return n
		}
	}
	return -1
}

// RenameCheckpoints returns the checkpoints under the names that their steps have now,
// without those of steps that the plan no longer has. changed reports that it renamed or
// dropped any.
func (p *Plan) RenameCheckpoints(old model.Checkpoints) (checkpoints model.Checkpoints, changed bool) {
	checkpoints = make(model.Checkpoints, len(old))
	for i := range p.Steps {
		for _, name := range p.Steps[i].Names() {
			if value, ok := old[name]; ok {
				checkpoints[p.Steps[i].Name], changed = value, changed || name != p.Steps[i].Name
				break
			}
		}
	}
	return checkpoints, changed || len(checkpoints) != len(old)
}
