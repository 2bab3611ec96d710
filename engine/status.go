package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// status returns the status of a job from its row.
func status(row *store.Row) *model.JobView {
	j := &row.Job
	s := &model.JobView{
		ID: j.ID, Type: j.Type, Name: j.Name, Role: j.Role, Email: j.Email, UploadedFileURL: j.UploadedFileURL,
		IdempotencyKey: j.IdempotencyKey,
		Status:         j.Status, Progress: j.Progress, Percent: percent(j.Progress), Message: j.Message, Error: j.Error,
		CancelRequested: !j.CancelRequestedAt.IsZero(), CancelRequestedAt: j.CancelRequestedAt,
		CancelledBy: j.CancelledBy, CancelReason: j.CancelReason,
		Owner: row.Owner, LockedUntil: row.LockedUntil,
		Attempt: j.Attempt, Resumptions: j.Resumptions, Checkpoints: j.Checkpoints,
		Priority: j.Priority, ScheduledAt: j.ScheduledAt, StartedAt: j.StartedAt, FinishedAt: j.FinishedAt,
		HeartbeatAt: j.HeartbeatAt, ProgressedAt: j.ProgressedAt,
		CreatedAt: j.CreatedAt, UpdatedAt: j.UpdatedAt, DeletedAt: j.DeletedAt,
		Steps: []model.StepView{}, ParentID: j.ParentID,
	}
	if !s.ScheduledAt.Before(model.MaxTime().Time) {
		s.ScheduledAt = model.Time{}
	}
	if j.Status == model.Processing {
		s.LeaseExpired = !row.LockedUntil.After(row.Now.Time)
		if j.TimeToCompleteMS != nil && !s.LeaseExpired {
			s.RemainingMS, s.RemainingP90MS = remaining(row)
			s.RemainingSource = j.TimeToCompleteSource
			s.ExpectedFinish = model.TimeOf(row.Now.Add(time.Duration(*s.RemainingMS) * time.Millisecond))
		}
	}
	if !j.StartedAt.IsZero() && j.Status != model.Scheduled {
		end := j.FinishedAt
		if end.IsZero() {
			end = row.Now
		}
		s.ElapsedMS = millis(end.Sub(j.StartedAt.Time))
	}
	s.Elapsed, s.Remaining = humanize(s.ElapsedMS), humanize(s.RemainingMS)
	if d, err := model.ParseDecision(j.Decision); err == nil && d != nil {
		s.Declared = d.Status
	}
	if s.RemainingP90MS != nil {
		s.Remaining = progress.HumanizeRange(time.Duration(*s.RemainingMS)*time.Millisecond, time.Duration(*s.RemainingP90MS)*time.Millisecond)
	}
	if data, err := model.ParseData(j.Data); err == nil {
		addSignals(s, j.Signals, data.Steps)
		addSteps(s, data, row.Now)
	}
	addLeft(s, row)
	if s.WaitsFor == "" && dueFor(row) > unservedAfter && !row.TypeServed {
		s.WaitsFor = fmt.Sprintf("an engine that has the type %q: none has run on this database yet", j.Type)
	}
	return s
}

// addLeft says of a job that its engine has left to others that it waits for them.
func addLeft(s *model.JobView, row *store.Row) {
	if row.Status.Ended() {
		return
	}
	s.Error = ""
	if row.Status == model.Scheduled && row.LeftUntil.After(row.Now.Time) {
		s.WaitsFor, s.WaitsUntil = "a worker whose definition fits its record: "+row.Error, row.LeftUntil
	}
}

// unservedAfter is how long a job is due before its status says that no engine has had its
// type: one that is just starting may have it.
const unservedAfter = 5 * time.Second

// dueFor returns how long a job has been due; 0 if it is not.
func dueFor(row *store.Row) time.Duration {
	if row.Status != model.Scheduled || !row.DeletedAt.IsZero() {
		return 0
	}
	return max(0, row.Now.Sub(row.ScheduledAt.Time))
}

// addSignals adds the signals that no step has used.
func addSignals(s *model.JobView, raw json.RawMessage, records []model.StepRecord) {
	signals, err := model.ParseSignals(raw)
	if err != nil {
		return
	}
	for _, signal := range signals.Unused(records) {
		s.Signals = append(s.Signals, model.SignalView{Name: signal.Name, SentBy: signal.SentBy, SentAt: signal.SentAt})
	}
}

// percent returns a share in whole percent: 100 only for a share of 1, and not one less
// because of rounding errors in floating point numbers.
func percent(share float64) int {
	const rounding = 1e-9
	if share < 1 {
		return min(99, int(share*100+rounding))
	}
	return 100
}

// remaining returns the estimate as of now: what follows from the written one.
func remaining(row *store.Row) (left, p90 *int64) {
	written := progress.Update{Remaining: time.Duration(*row.TimeToCompleteMS) * time.Millisecond}
	if most := row.TimeToCompleteP90MS; most != nil {
		written.RemainingP90 = time.Duration(*most) * time.Millisecond
	}
	now := written.After(row.Now.Sub(row.UpdatedAt.Time))
	if now.RemainingP90 > 0 {
		p90 = millis(now.RemainingP90)
	}
	return millis(now.Remaining), p90
}

func addSteps(s *model.JobView, data model.Data, now model.Time) {
	s.Input, s.Result, s.Undoing = data.Input, data.Result, data.Undoing != nil
	if data.Plan != nil {
		s.Crashes = data.Plan.Crashes
	}
	s.PlanChanged = data.Plan != nil && data.Plan.Earlier != ""
	s.History, s.HistoryDropped = data.History, data.HistoryDropped
	s.StepsTotal = len(data.Steps)
	for _, record := range data.Steps {
		view := model.StepView{
			Name: record.Name, Status: record.Status, Weight: record.Weight, Attempts: record.Attempts,
			StartedAt: record.StartedAt, FinishedAt: record.FinishedAt, Output: record.Output, Error: record.Error,
			EarlierErrors: record.EarlierErrors, Stack: record.Stack, Group: record.Group, WaitUntil: record.WaitUntil, Awaits: record.Awaits, SentBy: record.SentBy, SentAt: record.SentAt, Children: record.Children, Undo: record.Undo,
		}
		view.Size = record.Size
		if record.Status == model.StepRunning && s.Status == model.Processing && !s.LeaseExpired {
			view.StalledAt = record.StalledAt
			s.Stalled = s.Stalled || !record.StalledAt.IsZero()
		}
		if record.InDoubt() {
			s.InDoubt = append(s.InDoubt, record.Name)
		}
		if record.Status == model.StepWaiting && s.Status.Ended() {
			view.Status = waitedUntilEnd(s, record)
		}
		switch {
		case view.Status == model.StepRunning, view.Status == model.StepWaiting && record.FinishedAt.IsZero():
			view.DurationMS = millis(max(0, now.Sub(record.StartedAt.Time)))
		case !record.FinishedAt.IsZero():
			view.DurationMS = &record.DurationMS
		}
		view.Duration = humanize(view.DurationMS)
		if record.Status.Done() {
			s.StepsCompleted++
		}
		s.Steps = append(s.Steps, view)
	}
	if s.Status != model.Succeeded {
		s.CurrentStep = currentStep(s.Steps)
	}
	addWait(s, data.Steps)
}

// currentStep returns the name of the first step that is not done. If that is a member of a
// group, it returns the member with the most interesting status.
func currentStep(all []model.StepView) string {
	interest := func(s model.StepStatus) int {
		return slices.Index([]model.StepStatus{model.StepPending, model.StepWaiting, model.StepCancelled, model.StepInterrupted, model.StepFailed, model.StepRunning}, s)
	}
	var current *model.StepView
	for i := range all {
		step := &all[i]
		switch {
		case step.Status.Done():
		case current == nil, step.Group != "" && step.Group == current.Group && interest(step.Status) > interest(current.Status):
			current = step
		}
	}
	if current == nil {
		return ""
	}
	return current.Name
}

// waitedUntilEnd returns the status to show for a step that still waited when its job ended.
// Its record may still say that it waits: a scheduled job can be cancelled, and a job whose
// process has died can fail, without a change of the record.
func waitedUntilEnd(s *model.JobView, record model.StepRecord) model.StepStatus {
	switch {
	case record.Retrying():
		return model.StepFailed
	case s.Status == model.Failed:
		return model.StepInterrupted
	default:
		return model.StepCancelled
	}
}

// addWait sets what the job waits for: if several steps wait, the one whose wait ends first.
// A job with a running step does not wait.
func addWait(s *model.JobView, records []model.StepRecord) {
	if s.Status.Ended() || slices.ContainsFunc(records, func(r model.StepRecord) bool { return r.Status == model.StepRunning }) {
		return
	}
	for _, record := range records {
		if record.Status != model.StepWaiting {
			continue
		}
		until := record.WaitUntil
		if s.WaitsFor == "" || !until.IsZero() && until.Before(s.WaitsUntil.Time) {
			s.WaitsFor, s.WaitsUntil = plan.WaitsFor(record), until
			if s.Signal(record.Awaits) != nil {
				s.WaitsFor = fmt.Sprintf("a worker, to continue with the signal %q", record.Awaits)
			}
		}
	}
}

func millis(d time.Duration) *int64 {
	ms := d.Milliseconds()
	return &ms
}

func humanize(ms *int64) string {
	if ms == nil {
		return ""
	}
	return progress.Humanize(time.Duration(*ms) * time.Millisecond)
}
