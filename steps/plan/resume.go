package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// Resume describes a resume of a failed or cancelled job.
type Resume struct {
	// Plan is the job's plan. It is nil if the job's type is not registered: then the
	// recorded steps are used instead.
	Plan *Plan
	// From is the step from which the steps run again, if Rewinds is set.
	From    string
	Rewinds bool
	// Skips names the steps that the resume records as skipped.
	Skips []string

	Limits Limits
}

// ErrTimeUp means that a resumed job would time out at once.
var ErrTimeUp = errors.New("its time is up")

// InDoubtError means that a resume must say whether a step runs again or is skipped: the
// process died in the middle of it, and the step must not simply run again. It is wrapped
// together with [ErrInvalid].
type InDoubtError struct{ Step string }

func (e *InDoubtError) Error() string {
	return fmt.Sprintf("its process died in the middle of step %q, and whether its effect happened is not known: find out, then resume with RerunFrom(%q) to run it again, or with SkipStep(%q) to skip it", e.Step, e.Step, e.Step)
}

// NotDoneError means that a resume cannot begin with a step, because a step before it is
// not done. It is wrapped together with [ErrInvalid].
type NotDoneError struct {
	Step   string           // the step that is not done
	Status model.StepStatus // its status
	From   string           // the step from which the resume should run
}

func (e *NotDoneError) Error() string {
	return fmt.Sprintf("step %q before step %q is recorded as %s: rerun from there, or resume without RerunFrom", e.Step, e.From, e.Status)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}

// Edit changes the records in a failed or cancelled job's row. If it returns an error, the
// row is partly changed and must not be written.
func (r *Resume) Edit(j *model.Job) error {
	data, err := model.ParseData(j.Data)
	if err != nil {
		return err
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

// dropSignals removes from the job the signals that these steps have used, so that others
// can be sent.
func dropSignals(j *model.Job, records []model.StepRecord) error {
	signals, err := model.ParseSignals(j.Signals)
	if err != nil {
		return err
	}
	left := signals.Unused(records)
	if len(left) == len(signals) {
		return nil
	}
	j.Signals, err = json.Marshal(left)
	return err
}

// names returns the names under which a step may be recorded: its own, and those that the
// step has or had in the plan.
func (r *Resume) names(step string) []string {
	if i := r.planIndex(step); i >= 0 {
		return r.Plan.Steps[i].Names()
	}
	return []string{step}
}

// planIndex returns the index in the plan of the step that has or had that name, or -1.
func (r *Resume) planIndex(name string) int {
	if r.Plan == nil {
		return -1
	}
	return r.Plan.Index(name)
}
