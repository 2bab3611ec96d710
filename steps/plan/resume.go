package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// Resume is what a resume of a job changes in its row.
type Resume struct {
	// Plan is nil if the job's type is not registered: then the steps are those of
	// the record.
	Plan *Plan
	// From is the step that the job goes back to, if Rewinds is set.
	From    string
	Rewinds bool
	// Skips are steps to be recorded as skipped.
	Skips []string

	Limits Limits
}

// ErrTimeUp is returned for a job that would time out at once.
var ErrTimeUp = errors.New("its time is up")

// InDoubtError says that a resume has to tell what becomes of a step in whose middle
// the process died, and that must not simply run again. It comes with an
// [ErrInvalid].
type InDoubtError struct{ Step string }

func (e *InDoubtError) Error() string {
	return fmt.Sprintf("its process died in the middle of step %q, and whether its effect happened is not known: look, and resume with RerunFrom(%q) to run it again, or with SkipStep(%q) to go on behind it", e.Step, e.Step, e.Step)
}

// NotDoneError says that a resume cannot go back to a step, since one before it is
// not done. It comes with an [ErrInvalid].
type NotDoneError struct {
	Step   string // which is not done
	Status model.StepStatus
	From   string // the step to go back to
}

func (e *NotDoneError) Error() string {
	return fmt.Sprintf("step %q before step %q is recorded as %s: go on from there, or resume without RerunFrom", e.Step, e.From, e.Status)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrInvalid, fmt.Errorf(format, args...))
}

// Edit changes the records of a failed or cancelled job's row. If it fails the row is
// in no state to be kept.
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
		j.Progress = model.WeightedShare(data.Steps) // what was undone is to be done again
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

// Forecast is [Plan.Forecast] of a job's row, nothing without a plan.
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

// checkTime fails for a job that would time out at once. Undoing has no bound, nor has
// a job without a step that is left to run.
func (r *Resume) checkTime(data model.Data) error {
	left := func(record model.StepRecord) bool { return !record.Status.Done() }
	if r.Plan == nil || r.Plan.Timeout == 0 || data.Plan == nil || data.Undoing != nil || !slices.ContainsFunc(data.Steps, left) {
		return nil
	}
	if worked := time.Duration(data.Plan.WorkedMS) * time.Millisecond; worked >= r.Plan.Timeout {
		return invalid("%w: it has worked for %v, all its runs together, of the %v that its definition gives it; restart it, or give it a longer JobTimeout",
			ErrTimeUp, worked, r.Plan.Timeout)
	}
	return nil
}

// restartRetries gives the steps all of their attempts again, the next one now.
func restartRetries(records []model.StepRecord) {
	for i := range records {
		record := &records[i]
		record.Failures = 0
		if record.Retrying() {
			record.Status, record.WaitUntil = model.StepFailed, model.Time{}
		}
	}
}

// restartWaits makes steps that waited for a signal or for children when the job ended
// wait again, with all of their timeout. A time to wait until stays.
func restartWaits(data *model.Data, j *model.Job) error {
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

// forgetSignals takes from the job the signals that these steps have used, so that
// others can be sent.
func forgetSignals(j *model.Job, records []model.StepRecord) error {
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

// names are those that a step's record may have: its own, and what it is or was
// called in the plan.
func (r *Resume) names(step string) []string {
	if i := r.planned(step); i >= 0 {
		return r.Plan.Steps[i].Names()
	}
	return []string{step}
}

// planned is the index in the plan of a step that has or had that name, or -1.
func (r *Resume) planned(name string) int {
	if r.Plan == nil {
		return -1
	}
	return r.Plan.Index(name)
}
