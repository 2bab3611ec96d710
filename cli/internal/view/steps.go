package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/ntxdev/jobsystem/model"
)

// stepTable returns a table of a job's steps with the notes on them.
func (p *Printer) stepTable(j *model.JobView) string {
	header := table.Row{"#", "STEP", "STATUS", "WEIGHT", "ATTEMPTS", "TOOK", "FINISHED", "OUTPUT OR ERROR"}
	grouped := slices.ContainsFunc(j.Steps, func(step model.StepView) bool { return step.Group != "" })
	if grouped {
		header = slices.Insert(header, 2, any("GROUP"))
	}
	notes := ""
	rows := make([]table.Row, len(j.Steps))
	for i, step := range j.Steps {
		product := shortJSON(step.Output, 60)
		if step.Error != "" {
			product = shorten(firstLine(step.Error), 60)
		}
		rows[i] = table.Row{i + 1, Clean(step.Name), step.Status, step.Weight, step.Attempts, dash(step.Duration), p.when(step.FinishedAt), product}
		if grouped {
			rows[i] = slices.Insert(rows[i], 2, any(dash(Clean(step.Group))))
		}
		for _, note := range p.stepNotes(j, step) {
			notes += note + "\n"
		}
	}
	return p.table(header, rows) + notes
}

// stepNotes returns what a step's row in the table has no room for.
func (p *Printer) stepNotes(j *model.JobView, step model.StepView) (notes []string) {
	note := func(format string, args ...any) {
		notes = append(notes, fmt.Sprintf("Step %q ", Clean(step.Name))+fmt.Sprintf(format, args...))
	}
	switch {
	case step.Status == model.StepWaiting && step.Awaits != "" && j.Signal(step.Awaits) != nil:
		signal := j.Signal(step.Awaits)
		note("continues with the signal %q%s.", Clean(step.Awaits), p.sentBy(signal.SentBy, signal.SentAt))
	case step.Status == model.StepWaiting:
		note("%s.", p.stepWait(step))
	case !step.SentAt.IsZero():
		note("has the signal %q%s.", Clean(step.Awaits), p.sentBy(step.SentBy, step.SentAt))
	}
	if !step.StalledAt.IsZero() {
		note("makes no progress for much longer than usual, although its worker is alive: it was found to be stalled %s.", p.at(step.StalledAt))
	}
	if step.Undo != nil && step.Undo.Attempts > 0 {
		note("%s.", p.undoing(step.Undo))
	}
	return notes
}

// stepWait says what a step waits for: "waits for the signal "approve", until ...".
func (p *Printer) stepWait(step model.StepView) string {
	when := ""
	if !step.WaitUntil.IsZero() && step.WaitUntil.Before(model.MaxTime().Time) {
		when = p.at(step.WaitUntil)
	}
	until := ""
	if when != "" {
		until = ", and gives up " + when
	}
	switch {
	case step.Awaits != "":
		return fmt.Sprintf("waits for the signal %q%s", Clean(step.Awaits), until)
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

// undoing says how much of a step is undone.
func (p *Printer) undoing(u *model.UndoRecord) string {
	times := "1 attempt"
	if u.Attempts > 1 {
		times = fmt.Sprintf("%d attempts", u.Attempts)
	}
	switch u.Status {
	case model.StepCompleted:
		return "was undone " + p.at(u.FinishedAt) + ", in " + times
	case model.StepFailed:
		return fmt.Sprintf("is not undone after %s: %s", times, firstLine(u.Error))
	case model.StepInterrupted:
		return "is not undone: its worker died in the middle of that, after " + times
	default:
		return fmt.Sprintf("is being undone, in attempt %d", u.Attempts)
	}
}
