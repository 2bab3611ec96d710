package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// waiting tells what a scheduled job waits for, empty if for its turn only.
func (p *printer) waiting(j *model.JobView) string {
	if j.WaitsFor == "" || j.Status != model.Scheduled {
		return ""
	}
	text := "waits for " + clean(j.WaitsFor)
	if !j.WaitsUntil.IsZero() && j.WaitsUntil.Before(model.MaxTime().Time) {
		text += " (" + p.at(j.WaitsUntil) + " at the latest)"
	}
	return text
}

// due tells when a job is due.
func (p *printer) due(j *model.JobView) string {
	if name, ok := awaited(j); ok && j.ScheduledAt.IsZero() && j.Signal(name) == nil {
		return "when the signal comes"
	}
	return p.when(j.ScheduledAt)
}

// waitHint says what has a waiting job go on.
func (inv *invocation) waitHint(j *model.JobView) string {
	name, signal := awaited(j)
	switch {
	case j.CancelRequested:
		return "It becomes cancelled when what it has begun has ended: its jobs, and the undoing of its steps."
	case signal && j.Signal(name) == nil:
		return fmt.Sprintf("It goes on with the signal: %s signal %s %s --data JSON", inv.program(), j.ID, shellWord(name))
	default:
		return fmt.Sprintf("It goes on by itself, when a worker has its type (%s worker).", inv.program())
	}
}

// printFamily prints the jobs that a job's steps have enqueued.
func (s *session) printFamily(ctx context.Context, j *model.JobView) error {
	stepOf := make(map[uuid.UUID]string)
	for _, step := range j.Steps {
		for _, id := range step.Children {
			stepOf[id] = step.Name
		}
	}
	if len(stepOf) == 0 {
		return nil
	}
	const most = 100
	children, err := s.jobs.List(ctx, engine.Filter{Parent: j.ID, Deleted: true, Limit: most})
	if err != nil {
		return err
	}
	var rows []table.Row
	for i := len(children) - 1; i >= 0; i-- { // the first one first
		child := children[i]
		rows = append(rows, table.Row{clean(dash(stepOf[child.ID])), child.ID, shorten(clean(child.Type), 30), state(child), progressOf(child), s.whatOf(child)})
	}
	if err := s.out.printf("\n"); err != nil {
		return err
	}
	if len(children) == most {
		s.note("only the last %d of its jobs are shown; list --parent %s has more", most, j.ID)
	}
	if err := s.out.table(table.Row{"STEP", "ITS JOB", "TYPE", "STATUS", "PROGRESS", "WHAT"}, rows); err != nil {
		return err
	}
	var types []string
	for _, child := range children {
		if s.foreign(child) {
			types = append(types, child.Type)
		}
	}
	slices.Sort(types)
	for _, one := range slices.Compact(types) {
		if err := s.out.printf("%s\n", foreignType(one)); err != nil {
			return err
		}
	}
	return nil
}

// foreign reports whether this program, which has definitions, has none for a job that
// is to run: nobody may.
func (s *session) foreign(j *model.JobView) bool {
	return len(s.types) > 0 && j.Status == model.Scheduled && j.DeletedAt.IsZero() && s.eng.Registered(j.Type) == nil
}

func foreignType(jobType string) string {
	return fmt.Sprintf("This program does not have the type %q: the worker of another one has to run its jobs.", clean(jobType))
}

// unused tells of a signal that no step has used yet.
func (s *session) unused(j *model.JobView, signal model.SignalView) string {
	purpose := "kept for a step that waits for it"
	if waited, _ := awaited(j); signal.Name == waited {
		purpose = "a worker goes on with it"
	}
	return fmt.Sprintf("%q%s: %s", signal.Name, s.sentBy(signal.SentBy, signal.SentAt), purpose)
}

// stepNotes tell of a step what its row in the table has no room for.
func (s *session) stepNotes(j *model.JobView, step model.StepView) (notes []string) {
	note := func(format string, args ...any) {
		notes = append(notes, fmt.Sprintf("Step %q ", clean(step.Name))+fmt.Sprintf(format, args...))
	}
	switch {
	case step.Status == model.StepWaiting && step.Awaits != "" && j.Signal(step.Awaits) != nil:
		signal := j.Signal(step.Awaits)
		note("goes on with the signal %q%s.", clean(step.Awaits), s.sentBy(signal.SentBy, signal.SentAt))
	case step.Status == model.StepWaiting:
		note("%s.", s.stepWait(step))
	case !step.SentAt.IsZero():
		note("has the signal %q%s.", clean(step.Awaits), s.sentBy(step.SentBy, step.SentAt))
	}
	if step.Undo != nil && step.Undo.Attempts > 0 {
		note("%s.", s.undoing(step.Undo))
	}
	return notes
}

// stepWait tells what a step waits for: "waits for the signal "approve", until ...".
func (s *session) stepWait(step model.StepView) string {
	when := ""
	if !step.WaitUntil.IsZero() && step.WaitUntil.Before(model.MaxTime().Time) {
		when = s.out.at(step.WaitUntil)
	}
	until := ""
	if when != "" {
		until = ", and gives up " + when
	}
	switch {
	case step.Awaits != "":
		return fmt.Sprintf("waits for the signal %q%s", clean(step.Awaits), until)
	case len(step.Children) == 1:
		return "waits for its job" + until
	case len(step.Children) > 1:
		return fmt.Sprintf("waits for its %d jobs%s", len(step.Children), until)
	case !step.FinishedAt.IsZero():
		return fmt.Sprintf("has failed in attempt %d and is tried again %s", step.Attempts, when)
	default:
		return strings.TrimSpace("waits to end " + when)
	}
}

// undoing tells how far the undoing of a step is.
func (s *session) undoing(u *model.UndoRecord) string {
	times := "1 attempt"
	if u.Attempts > 1 {
		times = fmt.Sprintf("%d attempts", u.Attempts)
	}
	switch u.Status {
	case model.StepCompleted:
		return "was undone " + s.out.at(u.FinishedAt) + ", in " + times
	case model.StepFailed:
		return fmt.Sprintf("is not undone after %s: %s", times, firstLine(u.Error))
	case model.StepInterrupted:
		return "is not undone: its worker died in the middle of that, after " + times
	default:
		return fmt.Sprintf("is being undone, in attempt %d", u.Attempts)
	}
}
