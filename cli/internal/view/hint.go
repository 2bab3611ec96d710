package view

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
)

// stalledAfter is how long a job may be alive without progress before a hint says
// so.
const stalledAfter = 2 * time.Minute

// HintData is what hints need to know beside the job.
type HintData struct {
	// Program is how a proposed command begins.
	Program string
	// Resume is the hint for a job that has ended: see [ResumeHint].
	Resume string
	// LacksType: this program has definitions, but none for the job's type.
	LacksType bool
}

// Hints says what a job waits for and what can be done about it.
func Hints(j *model.JobView, d HintData) []string {
	var hints []string
	hint := func(format string, args ...any) { hints = append(hints, fmt.Sprintf(format, args...)) }
	switch {
	case !j.DeletedAt.IsZero():
		hint("The job is deleted: it is neither run nor listed.")
	case j.Status == model.Scheduled && d.LacksType && !j.CancelRequested && !slices.ContainsFunc(j.Steps, waits):
		hint("%s", missingType(j.Type))
	case j.Status == model.Scheduled && (j.WaitsFor != "" || j.CancelRequested):
		hint("%s", waitHint(j, d.Program))
	case j.Status == model.Scheduled:
		hint("It runs when it is due, a worker has its type (%s worker), and no other job of the type runs.", d.Program)
	case j.LeaseExpired:
		hint("Its lease has run out: the process that ran it was killed or is cut off from the database. "+
			"The next worker settles it; or resume it now: %s resume %s", d.Program, j.ID)
	case j.Status == model.Processing && j.CancelRequested:
		hint("It becomes cancelled when the step under way has returned.")
	case j.Status.Resumable():
		hint("%s", d.Resume)
	}
	if stalled := stalledFor(j); stalled > stalledAfter {
		hint("It is alive but has made no progress for %s: the step may hang. Cancel it: %s cancel %s", progress.Humanize(stalled), d.Program, j.ID)
	}
	return hints
}

// waits reports whether a step waits.
func waits(step model.StepView) bool { return step.Status == model.StepWaiting }

// waitHint says what makes a waiting job continue.
func waitHint(j *model.JobView, program string) string {
	name, signal := awaited(j)
	switch {
	case j.CancelRequested:
		return "It becomes cancelled when what it has begun has ended: its jobs, and the undoing of its steps."
	case signal && j.Signal(name) == nil:
		return fmt.Sprintf("It continues with the signal: %s signal %s %s --data JSON", program, j.ID, ShellWord(name))
	default:
		return fmt.Sprintf("It continues by itself, when a worker has its type (%s worker).", program)
	}
}

// stalledFor returns how long a job that is alive has made no progress, by the
// database's clock.
func stalledFor(j *model.JobView) time.Duration {
	if j.Status != model.Processing || j.LeaseExpired || j.HeartbeatAt.IsZero() {
		return 0
	}
	since := j.ProgressedAt
	if since.Before(j.StartedAt.Time) {
		since = j.StartedAt
	}
	return j.HeartbeatAt.Sub(since.Time).Truncate(time.Second)
}

// NextStep is the step that runs first when a job is resumed.
type NextStep struct {
	Name string // empty where that is not known: the recorded one counts
	None bool   // all steps are done
	// Fails: a resume returns an error.
	Fails bool
}

// ResumeHint says what can be done about a job that has ended, and that a program
// which begins so can resume; empty if it cannot.
func ResumeHint(program string, j *model.JobView, next NextStep) string {
	resume := fmt.Sprintf("%s resume %s", program, j.ID)
	restart := fmt.Sprintf("%s restart %s", program, j.ID)
	switch {
	case !j.Status.Resumable():
		return ""
	case len(j.InDoubt) > 0:
		return inDoubtHint(j.InDoubt[0], resume)
	case j.Undoing: // a resume does no more than that
		return fmt.Sprintf("Undo what is left to be undone: %s\nStart over and leave that as it is: %s", resume, restart)
	case next.Fails:
		return fmt.Sprintf("A resume would fail; this says why: %s resume --dry-run %s\nStart over: %s", program, j.ID, restart)
	case next.None:
		return fmt.Sprintf("Continue, with no step left to run: %s\nStart over: %s", resume, restart)
	default:
		return fmt.Sprintf("Continue with %s: %s\nStart over: %s", ResumePoint(cmp.Or(next.Name, j.CurrentStep)), resume, restart)
	}
}

// inDoubtHint says what a person has to find out before a job can continue.
func inDoubtHint(step, resume string) string {
	return fmt.Sprintf("Its worker died in the middle of step %q: look whether the effect of that happened.\n"+
		"If not, run it again: %s --rerun-from %s\nIf so, skip it: %s --skip-step %s", Clean(step), resume, ShellWord(step), resume, ShellWord(step))
}
