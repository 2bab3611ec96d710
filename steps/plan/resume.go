package plan

import (
	"encoding/json"
	"errors"
	"fmt"

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
