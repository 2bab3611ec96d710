package plan

import (
	"encoding/json"
	"errors"
	"fmt"

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
