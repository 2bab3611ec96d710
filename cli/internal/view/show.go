package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/progress"
)

// Shown is what the command show knows of a job.
type Shown struct {
	*model.JobView
	Children []*model.JobView // that its steps have enqueued, the newest first
	// MissingTypes are the types of children that this program does not have.
	MissingTypes []string
	Hints        []string
}

// Show returns a job with its steps, their jobs and the hints.
func Show(p *Printer, s Shown) string {
	sheet := &sheet{}
	p.describe(sheet, s.JobView)
	p.addTimes(sheet, s.JobView)
	text := sheet.String()
	if len(s.Steps) > 0 {
		text += "\n" + p.stepTable(s.JobView)
	}
	if len(s.Children) > 0 {
		text += "\n" + p.childTable(s.JobView, s.Children)
	}
	for _, missing := range s.MissingTypes {
		text += missingType(missing) + "\n"
	}
	for _, hint := range s.Hints {
		text += "\n" + hint + "\n"
	}
	return text
}

const shownJSON = 100 // characters of a JSON value that are shown

// describe adds what a job is, and what became of it.
func (p *Printer) describe(sheet *sheet, j *model.JobView) {
	sheet.add("Job", j.ID.String())
	sheet.add("Type", j.Type)
	sheet.add("Name", j.Name)
	sheet.add("Role", j.Role)
	sheet.add("Email", j.Email)
	sheet.add("File", j.UploadedFileURL)
	if j.IdempotencyKey != nil {
		sheet.add("Key", *j.IdempotencyKey)
	}
	sheet.add("Status", state(j))
	if j.ParentID != nil {
		sheet.add("Parent", j.ParentID.String())
	}
	sheet.add("Waits", strings.TrimPrefix(p.waiting(j), "waits "))
	sheet.add("Queue", p.queue(j))
	for _, signal := range j.Signals {
		sheet.add("Signal", p.unused(j, signal))
	}
	sheet.add("Progress", progressOf(j))
	sheet.add("Step", j.CurrentStep)
	sheet.add("Message", j.Message)
	sheet.addLines("Error", j.Error)
	if j.CancelRequested {
		sheet.add("Cancelled", p.cancellation(j))
	}
	if j.Declared != "" && !j.Status.Ended() {
		sheet.add("Declared", string(j.Declared)+", when its running step has returned")
	}
	sheet.add("Elapsed", elapsed(j))
	sheet.add("Attempt", fmt.Sprint(j.Attempt))
	if j.Resumptions > 0 {
		sheet.add("Resumptions", fmt.Sprint(j.Resumptions))
	}
	if j.Crashes > 0 {
		sheet.add("Crashes", fmt.Sprint(j.Crashes))
	}
	if j.PlanChanged {
		sheet.add("Plan", "the definition has changed since the job began")
	}
	sheet.add("History", history(j))
	sheet.add("Input", shortJSON(j.Input, shownJSON))
	sheet.add("Checkpoint", shortJSON(j.Checkpoints, shownJSON))
	sheet.add("Result", shortJSON(j.Result, shownJSON))
}

// queue says what is ahead of a scheduled job, and when it is expected to start and to end.
func (p *Printer) queue(j *model.JobView) string {
	text := ""
	switch {
	case j.Ahead == 1:
		text = "1 job is ahead of it"
	case j.Ahead > 1:
		text = fmt.Sprintf("%d jobs are ahead of it", j.Ahead)
	}
	if j.Status == model.Scheduled && !j.ExpectedStart.IsZero() {
		text += fmt.Sprintf("; it is expected to start %s and to end %s", p.at(j.ExpectedStart), p.at(j.ExpectedFinish))
	}
	return strings.TrimPrefix(text, "; ")
}

// cancellation says when a job was cancelled, by whom and why.
func (p *Printer) cancellation(j *model.JobView) string {
	text := p.when(j.CancelRequestedAt)
	if j.CancelledBy != "" {
		text += " by " + j.CancelledBy
	}
	if j.CancelReason != "" {
		text += ": " + j.CancelReason
	}
	return text
}

// history says how many records were replaced, of which steps, and where they
// are.
func history(j *model.JobView) string {
	if len(j.History)+j.HistoryDropped == 0 {
		return ""
	}
	text := fmt.Sprintf("%d earlier records of steps, with -o json", len(j.History))
	var names []string
	for _, record := range j.History {
		if name := Clean(record.Name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		text += ": " + shorten(strings.Join(names, ", "), 60)
	}
	if j.HistoryDropped > 0 {
		text += fmt.Sprintf("; %d older ones were dropped for room", j.HistoryDropped)
	}
	return text
}

// remainingSource says what the time that is left was estimated by.
var remainingSource = map[string]string{
	string(progress.SourceHistory):  ", as its last jobs took",
	string(progress.SourceObserved): ", at this run's speed",
	string(progress.SourceReported): ", as its step says",
}

// elapsed says how long the latest run took or takes, and may still take.
func elapsed(j *model.JobView) string {
	switch {
	case j.Elapsed == "":
		return ""
	case j.Remaining != "":
		return j.Elapsed + ", about " + j.Remaining + " left" + remainingSource[j.RemainingSource]
	default:
		return j.Elapsed
	}
}

// addTimes adds when what happened, and who runs the job.
func (p *Printer) addTimes(sheet *sheet, j *model.JobView) {
	for _, t := range []struct {
		label string
		time  model.Time
	}{
		{"Created", j.CreatedAt}, {"Due", j.ScheduledAt}, {"Started", j.StartedAt}, {"Finished", j.FinishedAt},
		{"Progressed", j.ProgressedAt}, {"Heartbeat", j.HeartbeatAt}, {"Updated", j.UpdatedAt}, {"Deleted", j.DeletedAt},
	} {
		if t.label == "Due" {
			sheet.add(t.label, p.due(j))
		} else if !t.time.IsZero() {
			sheet.add(t.label, p.when(t.time))
		}
	}
	if j.Priority != 0 {
		sheet.add("Priority", priority(j.Priority))
	}
	if j.Owner != "" {
		sheet.add("Engine", j.Owner)
		sheet.add("Lease ends", p.when(j.LockedUntil))
	}
}

// priority returns a priority as text.
func priority(n int) string {
	if n == model.ImmediatePriority {
		return "immediate"
	}
	return strconv.Itoa(n)
}
