package view

import (
	"cmp"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// Outcome says what a job is after a command has changed it.
func Outcome(j *model.JobView) string { return isNow(j, outcome(j)) }

// Resumed is [Outcome] after a resume, with the step that the job continues with, as
// it was announced or is recorded.
func Resumed(j *model.JobView, next NextStep) string {
	name := cmp.Or(next.Name, j.CurrentStep)
	switch {
	case j.Status != model.Scheduled || j.CancelRequested || j.Undoing || name == "" && !next.None:
		return Outcome(j)
	case next.None:
		return isNow(j, state(j)+", with no step left to run")
	default:
		return isNow(j, state(j)+", to continue with "+ResumePoint(name))
	}
}

func isNow(j *model.JobView, what string) string { return fmt.Sprintf("job %s is %s\n", j.ID, what) }

// outcome is state with what it means.
func outcome(j *model.JobView) string {
	switch {
	case !j.DeletedAt.IsZero():
		return state(j)
	case j.Status == model.Scheduled && j.CancelRequested:
		return state(j) + ": it becomes cancelled when what it has begun has ended"
	case j.Status == model.Processing && j.CancelRequested && !j.LeaseExpired:
		return state(j) + ": it becomes cancelled when the step under way has returned"
	default:
		return state(j)
	}
}

// Ended says how a job ended that did not end as wished, with a hint on what can
// be done about it, if there is one.
func Ended(j *model.JobView, hint string) string {
	text := fmt.Sprintf("job %s %s", j.ID, Ending(j))
	if j.Error != "" {
		text += ": " + CleanLines(j.Error)
	}
	if hint != "" {
		text += "\n" + hint
	}
	return text
}
