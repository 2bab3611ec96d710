package view

import (
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// state returns a job's status with what matters as much.
func state(j *model.JobView) string {
	switch {
	case !j.DeletedAt.IsZero():
		return string(j.Status) + ", deleted"
	case j.LeaseExpired:
		return string(j.Status) + ", lease expired"
	case j.Undoing && j.Status.Ended():
		return string(j.Status) + ", not all undone"
	case j.Undoing:
		return string(j.Status) + ", undoing"
	case !j.Status.Ended() && j.CancelRequested:
		return string(j.Status) + ", cancel requested"
	case j.Stalled:
		return string(j.Status) + ", stalled"
	default:
		return string(j.Status)
	}
}

// progressOf returns how much of a job is done, in percent and in steps.
func progressOf(j *model.JobView) string {
	text := fmt.Sprintf("%d%%", j.Percent)
	if j.StepsTotal > 0 {
		text += fmt.Sprintf(" %d/%d", j.StepsCompleted, j.StepsTotal)
	}
	return text
}

// awaited returns the signal that a job waits for, if it does.
func awaited(j *model.JobView) (name string, ok bool) {
	for _, step := range j.Steps {
		if step.Status == model.StepWaiting && step.Awaits != "" {
			return step.Awaits, true
		}
	}
	return "", false
}

// waiting says what a scheduled job waits for; empty if only for its turn.
func (p *Printer) waiting(j *model.JobView) string {
	if j.WaitsFor == "" || j.Status != model.Scheduled {
		return ""
	}
	text := "waits for " + Clean(j.WaitsFor)
	if !j.WaitsUntil.IsZero() && j.WaitsUntil.Before(model.MaxTime().Time) {
		text += " (" + p.at(j.WaitsUntil) + " at the latest)"
	}
	return text
}

// due says when a job is due.
func (p *Printer) due(j *model.JobView) string {
	if name, ok := awaited(j); ok && j.ScheduledAt.IsZero() && j.Signal(name) == nil {
		return "when the signal comes"
	}
	return p.when(j.ScheduledAt)
}

// what says what a job does, or why it does nothing.
func (p *Printer) what(j *model.JobView) string {
	const limit = 60
	switch {
	case j.Error != "":
		return shorten(firstLine(j.Error), limit)
	case j.Status == model.Succeeded:
		return ""
	case p.waiting(j) != "":
		return shorten(p.waiting(j), limit)
	default:
		return shorten(stepAndMessage(j), limit)
	}
}

// stepAndMessage returns the step that runs, with what the job says of it.
func stepAndMessage(j *model.JobView) string {
	step, message := Clean(j.CurrentStep), Clean(j.Message)
	if step != "" && message != "" {
		return step + ": " + message
	}
	return step + message
}

// ResumePoint names the step that a job continues with; an empty one is the first.
func ResumePoint(step string) string {
	if step == "" {
		return "its first step"
	}
	return fmt.Sprintf("step %q", Clean(step))
}

// Ending says how a job ended, as the end of "job ID ...".
func Ending(j *model.JobView) string {
	switch j.Status {
	case model.Cancelled:
		text := "was cancelled"
		if j.CancelledBy != "" {
			text += " by " + Clean(j.CancelledBy)
		}
		if j.CancelReason != "" {
			text += " (" + Clean(j.CancelReason) + ")"
		}
		return text
	case model.Succeeded:
		return "has succeeded"
	default:
		return string(j.Status)
	}
}
