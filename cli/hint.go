package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
)

// stalledAfter is how long a job may be alive without getting further before
// people are told so.
const stalledAfter = 2 * time.Minute

// hints say what a job waits for and what can be done about it.
func (inv *invocation) hints(j *model.JobStatus) []string {
	var hints []string
	hint := func(format string, args ...any) { hints = append(hints, fmt.Sprintf(format, args...)) }
	switch {
	case !j.DeletedAt.IsZero():
		hint("The job is deleted: it is neither run nor listed.")
	case j.Status == model.Scheduled && (j.WaitsFor != "" || j.CancelRequested):
		hint("%s", inv.waitHint(j))
	case j.Status == model.Scheduled:
		hint("It runs when it is due, a worker has its type (%s worker), and no other job of the type runs.", inv.program())
	case j.LeaseExpired:
		hint("Its lease has run out: the process that ran it was killed or is cut off from the database. "+
			"The next worker settles it; or go on with it now: %s resume %s", inv.program(), j.ID)
	case j.Status == model.Processing && j.CancelRequested:
		hint("It becomes cancelled when the step under way has returned.")
	case len(j.Undecided) > 0 && j.Status.Resumable():
		hint("%s", inv.decide(j))
	case j.Status.Resumable():
		hint("%s", inv.goOn(j))
	}
	if still := standstill(j); still > stalledAfter {
		hint("It is alive but has not got further for %s: the step may hang. Cancel it: %s cancel %s", progress.Humanize(still), inv.program(), j.ID)
	}
	if note := inv.passwordNote(strings.Join(hints, "\n")); note != "" {
		hints = append(hints, note)
	}
	return hints
}

// standstill is how long a job that is alive has not got further, by the
// database's clock.
func standstill(j *model.JobStatus) time.Duration {
	if j.Status != model.Processing || j.LeaseExpired || j.HeartbeatAt.IsZero() {
		return 0
	}
	since := j.ProgressedAt
	if since.Before(j.StartedAt.Time) {
		since = j.StartedAt
	}
	return j.HeartbeatAt.Sub(since.Time).Truncate(time.Second)
}

// goOn says what can be done about a job that has ended.
func (inv *invocation) goOn(j *model.JobStatus) string {
	if !j.Status.Resumable() {
		return ""
	}
	if j.Undoing { // a resume does no more than that
		return fmt.Sprintf("Undo what is left to be undone: %s resume %s\nBegin anew, with that as it is: %s restart %s", inv.program(), j.ID, inv.program(), j.ID)
	}
	return fmt.Sprintf("Go on with %s: %s resume %s\nBegin anew: %s restart %s", resumePoint(j), inv.program(), j.ID, inv.program(), j.ID)
}

// decide says what a person has to find out before a job can go on.
func (inv *invocation) decide(j *model.JobStatus) string {
	step, resume := j.Undecided[0], fmt.Sprintf("%s resume %s", inv.program(), j.ID)
	return fmt.Sprintf("Its worker died in the middle of step %q: look whether the effect of that happened.\n"+
		"If not, run it again: %s --from %s\nIf so, go on behind it: %s --past %s", clean(step), resume, shellWord(step), resume, shellWord(step))
}

// resumePoint names the step that a resume goes on with.
func resumePoint(j *model.JobStatus) string {
	if j.CurrentStep == "" {
		return "its first step"
	}
	return fmt.Sprintf("step %q", clean(j.CurrentStep))
}

// ending says how a job ended, as the end of "job ID ...".
func ending(j *model.JobStatus) string {
	switch j.Status {
	case model.Cancelled:
		text := "was cancelled"
		if j.CancelledBy != "" {
			text += " by " + clean(j.CancelledBy)
		}
		if j.CancelReason != "" {
			text += " (" + clean(j.CancelReason) + ")"
		}
		return text
	case model.Succeeded:
		return "has succeeded"
	default:
		return string(j.Status)
	}
}
