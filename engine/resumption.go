package engine

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/engine/internal/worker"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// resumption is what a resume makes of a job's row.
type resumption struct {
	from     string
	goesBack bool // From was given
	past     []string

	plan   *steps.Plan // nil if the job's type is not registered here
	limits worker.Limits
}

// resumption makes the plan of a job, if its type is registered here, and takes
// the options.
func (e *Engine) resumption(j *model.Job, opts []ResumeOption) (*resumption, error) {
	r := &resumption{limits: e.config.Limits.forWorker()}
	for _, opt := range opts {
		opt(r)
	}
	e.mu.Lock()
	h, ok := e.handlers[j.Type]
	e.mu.Unlock()
	if !ok || j.Status == model.Succeeded {
		return r, nil
	}
	data, err := model.ParseData(j.Data)
	if err != nil {
		return nil, err
	}
	r.plan, err = worker.MakePlan(h, data.Input)
	return r, err
}

// forecast tells how a row's record fits the plan.
func (r *resumption) forecast(j *model.Job) ([]model.ForecastStep, error) {
	if r.plan == nil {
		return nil, nil
	}
	data, err := model.ParseData(j.Data)
	if err != nil {
		return nil, err
	}
	return worker.Forecast(r.plan, data, r.limits)
}

// edit changes the record as the options ask.
func (r *resumption) edit(j *model.Job) error {
	data, err := model.ParseData(j.Data)
	if err != nil {
		return err
	}
	if data.Plan != nil {
		data.Plan.Crashes = 0
	}
	retryAnew(data.Steps)
	if err := waitAnew(&data, j); err != nil {
		return err
	}
	for _, step := range r.past {
		if err := r.goPast(&data, j, step); err != nil {
			return err
		}
	}
	if r.goesBack {
		if err := r.goBack(&data, j); err != nil {
			return err
		}
	}
	if data.Undoing == nil && slices.ContainsFunc(data.Steps, model.StepRecord.WasUndone) {
		j.Progress = worker.Share(data.Steps) // what was undone is to be done again
	}
	for _, record := range data.Steps {
		if record.InDoubt() {
			return invalid("%w", &InDoubtError{Step: record.Name})
		}
	}
	if err := r.hasTime(data); err != nil {
		return err
	}
	j.Data, err = data.JSON()
	return err
}

// errTimeUp is wrapped by the refusal of a job that would time out at once.
var errTimeUp = errors.New("its time is up")

// hasTime fails for such a job. Undoing has no bound, nor has a job without a step
// that is left to run.
func (r *resumption) hasTime(data model.Data) error {
	left := func(record model.StepRecord) bool { return !record.Status.Done() }
	if r.plan == nil || r.plan.Timeout == 0 || data.Plan == nil || data.Undoing != nil || !slices.ContainsFunc(data.Steps, left) {
		return nil
	}
	if worked := time.Duration(data.Plan.WorkedMS) * time.Millisecond; worked >= r.plan.Timeout {
		return invalid("%w: it has worked for %v, all its runs together, of the %v that its definition gives it; restart it, or give it a longer JobTimeout",
			errTimeUp, worked, r.plan.Timeout)
	}
	return nil
}

// retryAnew has the steps' retries begin anew, the next attempt now.
func retryAnew(records []model.StepRecord) {
	for i := range records {
		record := &records[i]
		record.Failures = 0
		if record.Retrying() {
			record.Status, record.WaitUntil = model.StepFailed, model.Time{}
		}
	}
}

// waitAnew has steps that waited when the job ended wait anew: for a signal or
// for children, with all of their timeout. A time to wait until stays.
func waitAnew(data *model.Data, j *model.Job) error {
	for i := range data.Steps {
		record := &data.Steps[i]
		if record.Status == model.StepWaiting && (record.Awaits != "" || len(record.Children) > 0) {
			record.Status = model.StepInterrupted
		}
		if record.Status == model.StepFailed {
			if err := forgetSignals(j, data.Steps[i:i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetSignals takes from the job the signals that these steps have used, so
// that others can be sent.
func forgetSignals(j *model.Job, records []model.StepRecord) error {
	signals, err := model.ParseSignals(j.Signals)
	if err != nil {
		return err
	}
	left := signals
	for _, record := range records {
		if !record.SentAt.IsZero() {
			left = left.Without(record.Awaits, record.SentAt)
		}
	}
	if len(left) == len(signals) {
		return nil
	}
	j.Signals, err = json.Marshal(left)
	return err
}

// names are those that a step's record may have: its own, and what it is or was
// called in the plan.
func (r *resumption) names(step string) []string {
	if i := r.planned(step); i >= 0 {
		return append([]string{r.plan.Steps[i].Name}, r.plan.Steps[i].Was...)
	}
	return []string{step}
}

// planned is the index in the plan of a step that has or had that name, or -1.
func (r *resumption) planned(name string) int {
	if r.plan == nil {
		return -1
	}
	return slices.IndexFunc(r.plan.Steps, func(p steps.PlannedStep) bool { return p.Name == name || slices.Contains(p.Was, name) })
}

// goPast records a step as skipped that has begun and not ended well.
func (r *resumption) goPast(data *model.Data, j *model.Job, step string) error {
	names := r.names(step)
	i := slices.IndexFunc(data.Steps, func(record model.StepRecord) bool { return slices.Contains(names, record.Name) })
	switch {
	case i < 0:
		return invalid("it has no record of a step %q to go past", step)
	case data.Undoing != nil:
		return invalid("its steps are being undone: there is nothing to go on with behind step %q", step)
	case data.Steps[i].Status.Done():
		return invalid("step %q is recorded as %s: there is nothing to go past", step, data.Steps[i].Status)
	case !data.Steps[i].Status.Known():
		return invalid("step %q is recorded as %q, which this version of the job system does not know: go past it with the newer version", step, data.Steps[i].Status)
	case data.Steps[i].Status == model.StepPending:
		return invalid("step %q has not begun: it cannot be gone past", step)
	}
	record := &data.Steps[i]
	record.Status, record.Error, record.WaitUntil = model.StepSkipped, "somebody resumed the job behind it", model.Time{}
	record.Awaits = ""
	return r.dropCheckpoints(j, func(of string) bool { return of == data.Steps[i].Name })
}

// goBack puts the step to go on from and those behind it back to pending, and
// their records into the history.
func (r *resumption) goBack(data *model.Data, j *model.Job) error {
	again, err := r.again(data.Steps)
	if err != nil {
		return err
	}
	data.Undoing = nil
	for k := range data.Steps {
		record := &data.Steps[k]
		switch {
		case !again[k] && !record.Status.Done() && (r.plan == nil || r.planned(record.Name) >= 0):
			return invalid("%w", &NotDoneError{Step: record.Name, Status: record.Status, From: r.from})
		case !again[k] || record.Status == model.StepPending || r.passes(record.Name):
			continue
		}
		if err := forgetSignals(j, data.Steps[k:k+1]); err != nil {
			return err
		}
		data.History = append(data.History, *record)
		data.Steps[k] = model.StepRecord{
			Name: record.Name, Status: model.StepPending, Weight: record.Weight, Group: record.Group,
			Attempts: record.Attempts, OnCrash: record.OnCrash, BegunAs: record.BegunAs,
		}
	}
	data.DropHistory(r.limits.Data)
	j.Progress, j.Message = worker.Share(data.Steps), ""
	return r.dropCheckpoints(j, func(step string) bool {
		k := data.Step(step)
		return k < 0 || again[k]
	})
}

// passes reports whether a record is of a step that is gone past.
func (r *resumption) passes(name string) bool {
	return slices.ContainsFunc(r.past, func(step string) bool { return slices.Contains(r.names(step), name) })
}

// again tells which of the records are of steps that run again.
func (r *resumption) again(records []model.StepRecord) ([]bool, error) {
	names := r.names(r.from)
	planned := r.planned(r.from)
	begin := slices.IndexFunc(records, func(record model.StepRecord) bool { return slices.Contains(names, record.Name) })
	if planned < 0 && (begin < 0 || r.plan != nil) {
		return nil, invalid("there is no step %q to go on from", r.from)
	}
	again := make([]bool, len(records))
	if planned < 0 {
		for k := range again {
			again[k] = k >= begin
		}
		return again, nil
	}
	// The plan's order counts. Records that are of none of its steps go with
	// what is before them: a step that is gone since stood behind that.
	behind := false
	for k, record := range records {
		if i := r.planned(record.Name); i >= 0 {
			behind = i >= planned
		}
		again[k] = behind
	}
	return again, nil
}

// dropCheckpoints drops the checkpoints of some steps.
func (r *resumption) dropCheckpoints(j *model.Job, drop func(step string) bool) error {
	checkpoints, err := model.ParseCheckpoints(j.Checkpoints)
	if err != nil {
		return err
	}
	for step := range checkpoints {
		if drop(step) {
			delete(checkpoints, step)
		}
	}
	j.Checkpoints, err = checkpoints.JSON()
	return err
}
