package plan

import (
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// Edit changes the records in a failed or cancelled job's row. If it returns an error, the
// row is partly changed and must not be written.
func (r *Resume) Edit(j *model.Job) error {
	data, err := model.ParseData(j.Data)
	if err != nil {
		return err
	}
	if data.Declared == model.Failed && data.Undoing == nil && len(r.Skips) == 0 && !r.Rewinds && Next(data.Steps, -1) < 0 {
		return invalid("it was declared failed and has no step left to run: rerun it from a step, or restart it")
	}
	if data.Plan != nil {
		data.Plan.Crashes = 0
	}
	restartRetries(data.Steps)
	if err := restartWaits(&data, j); err != nil {
		return err
	}
	for _, step := range r.Skips {
		if err := r.skip(&data, j, step); err != nil {
			return err
		}
	}
	if r.Rewinds {
		if err := r.rewind(&data, j); err != nil {
			return err
		}
	}
	if data.Undoing == nil && slices.ContainsFunc(data.Steps, model.StepRecord.WasUndone) {
		j.Progress = model.WeightedShare(data.Steps) // the undone steps run again
	}
	for _, record := range data.Steps {
		if record.InDoubt() {
			return invalid("%w", &InDoubtError{Step: record.Name})
		}
	}
	if err := r.checkTime(data); err != nil {
		return err
	}
	r.forgetSteps(&data)
	j.Data, err = data.JSON()
	return err
}

// Forecast returns the [Plan.Forecast] of a job's row; nil without a plan.
func (r *Resume) Forecast(j *model.Job) ([]model.ForecastStep, error) {
	if r.Plan == nil {
		return nil, nil
	}
	data, err := model.ParseData(j.Data)
	if err != nil {
		return nil, err
	}
	return r.Plan.Forecast(data, r.Limits)
}

// checkTime returns an error for a job that would time out at once. The time of undoing is
// not limited, and a job without a step left to run needs none.
func (r *Resume) checkTime(data model.Data) error {
	isLeft := func(record model.StepRecord) bool { return !record.Status.Done() }
	if r.Plan == nil || r.Plan.Timeout == 0 || data.Plan == nil || data.Undoing != nil || !slices.ContainsFunc(data.Steps, isLeft) {
		return nil
	}
	if worked := time.Duration(data.Plan.WorkedMS) * time.Millisecond; worked >= r.Plan.Timeout {
		return invalid("%w: all its runs together have worked for %v of the %v that its definition allows; restart it, or give it a longer JobTimeout",
			ErrTimeUp, worked, r.Plan.Timeout)
	}
	return nil
}

// forgetSteps drops the pending records of steps that the plan does not have: the job
// continues by this plan, and is not left to another one.
func (r *Resume) forgetSteps(data *model.Data) {
	if r.Plan == nil {
		return
	}
	data.Steps = slices.DeleteFunc(data.Steps, func(record model.StepRecord) bool {
		return record.Status == model.StepPending && r.planIndex(record.Name) < 0
	})
}

// restartRetries gives the steps all of their attempts again, the next one without delay.
func restartRetries(records []model.StepRecord) {
	for i := range records {
		record := &records[i]
		record.Failures = 0
		if record.Retrying() {
			record.Status, record.WaitUntil = model.StepFailed, model.Time{}
		}
	}
}

// restartWaits makes steps that waited for a signal or for children when the job ended wait
// again, with their whole timeout. A step that sleeps keeps the time it sleeps until.
func restartWaits(data *model.Data, j *model.Job) error {
	for i := range data.Steps {
		record := &data.Steps[i]
		if record.Status == model.StepWaiting && (record.Awaits != "" || len(record.Children) > 0) {
			record.Status = model.StepInterrupted
		}
		if record.Status == model.StepFailed {
			if err := dropSignals(j, data.Steps[i:i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}
