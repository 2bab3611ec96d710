package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
)

// stalledAfter is how long a job may be alive without getting further before
// people are told so.
const stalledAfter = 2 * time.Minute

// hints say what a job waits for and what can be done about it; goOn is what for
// one that has ended, and foreign says that this program does not have its type.
func (inv *invocation) hints(j *model.JobView, goOn string, foreign bool) []string {
	var hints []string
	hint := func(format string, args ...any) { hints = append(hints, fmt.Sprintf(format, args...)) }
	switch {
	case !j.DeletedAt.IsZero():
		hint("The job is deleted: it is neither run nor listed.")
	case j.Status == model.Scheduled && (j.WaitsFor != "" || j.CancelRequested):
		hint("%s", inv.waitHint(j))
	case j.Status == model.Scheduled && foreign:
		hint("%s", foreignType(j.Type))
	case j.Status == model.Scheduled:
		hint("It runs when it is due, a worker has its type (%s worker), and no other job of the type runs.", inv.program())
	case j.LeaseExpired:
		hint("Its lease has run out: the process that ran it was killed or is cut off from the database. "+
			"The next worker settles it; or go on with it now: %s resume %s", inv.program(), j.ID)
	case j.Status == model.Processing && j.CancelRequested:
		hint("It becomes cancelled when the step under way has returned.")
	case j.Status.Resumable():
		hint("%s", goOn)
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
func standstill(j *model.JobView) time.Duration {
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
func (s *session) goOn(ctx context.Context, j *model.JobView) string {
	resume := fmt.Sprintf("%s resume %s", s.program(), j.ID)
	anew := fmt.Sprintf("Begin anew: %s restart %s", s.program(), j.ID)
	switch {
	case !j.Status.Resumable():
		return ""
	case len(j.InDoubt) > 0:
		return s.decide(j)
	case j.Undoing: // a resume does no more than that
		return fmt.Sprintf("Undo what is left to be undone: %s\nBegin anew, with that as it is: %s restart %s", resume, s.program(), j.ID)
	}
	next, err := s.nextStep(ctx, j)
	switch {
	case err != nil && ctx.Err() == nil && !isLost(err) && !isAny(err, engine.ErrStatus, engine.ErrNotFound):
		return fmt.Sprintf("A resume would be refused; this says why: %s resume --dry-run %s\n%s", s.program(), j.ID, anew)
	case next == noStep:
		return fmt.Sprintf("Go on, with no step left to run: %s\n%s", resume, anew)
	default:
		return fmt.Sprintf("Go on with %s: %s\n%s", resumePoint(cmp.Or(next, j.CurrentStep)), resume, anew)
	}
}

// noStep is the next step where all are done: no step has such a name.
const noStep = "\x00"

// nextStep is the first step that runs when a job is resumed; empty where this binary
// does not have its type: without the definition there is only what is recorded.
func (s *session) nextStep(ctx context.Context, j *model.JobView, opts ...engine.ResumeOption) (string, error) {
	if s.eng.Registered(j.Type) == nil {
		return "", nil
	}
	list, err := s.jobs.DryRun(ctx, j.ID, opts...)
	if err != nil {
		return "", err
	}
	var runs []string
	for _, step := range list {
		if step.Action == model.ActionRun {
			runs = append(runs, step.Step)
		}
	}
	switch {
	case len(runs) == 0:
		return noStep, nil
	case len(opts) == 0 && slices.Contains(runs, j.CurrentStep) && groupOf(j, runs[0]) != "" && groupOf(j, runs[0]) == groupOf(j, j.CurrentStep):
		return j.CurrentStep, nil // they run together, and this one tells more
	default:
		return runs[0], nil
	}
}

// groupOf is the group of a recorded step, empty if it is of none.
func groupOf(j *model.JobView, step string) string {
	for _, view := range j.Steps {
		if view.Name == step {
			return view.Group
		}
	}
	return ""
}

// decide says what a person has to find out before a job can go on.
func (inv *invocation) decide(j *model.JobView) string {
	step, resume := j.InDoubt[0], fmt.Sprintf("%s resume %s", inv.program(), j.ID)
	return fmt.Sprintf("Its worker died in the middle of step %q: look whether the effect of that happened.\n"+
		"If not, run it again: %s --rerun-from %s\nIf so, go on behind it: %s --skip-step %s", clean(step), resume, shellWord(step), resume, shellWord(step))
}

// resumePoint names the step that a job goes on with; empty is the first one.
func resumePoint(step string) string {
	if step == "" {
		return "its first step"
	}
	return fmt.Sprintf("step %q", clean(step))
}

// ending says how a job ended, as the end of "job ID ...".
func ending(j *model.JobView) string {
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
