package model

import (
	"fmt"
	"slices"
)

// Status is the state of a job. There are five, and no others:
//
//	scheduled  -> processing                      a worker claims it
//	scheduled  -> cancelled                       cancelled before it ran
//	processing -> succeeded | failed | cancelled  its handler has returned
//	processing -> scheduled                       handed over, or to go on later
//	failed, cancelled -> scheduled                resumed or restarted
type Status string

// The five states of a job.
const (
	Scheduled  Status = "scheduled"
	Processing Status = "processing"
	Succeeded  Status = "succeeded"
	Failed     Status = "failed"
	Cancelled  Status = "cancelled"
)

// Statuses returns all states, in the order of a job's life.
func Statuses() []Status {
	return []Status{Scheduled, Processing, Succeeded, Failed, Cancelled}
}

// ParseStatus returns the status that text names, or an error that lists the
// known ones.
func ParseStatus(text string) (Status, error) {
	if s := Status(text); slices.Contains(Statuses(), s) {
		return s, nil
	}
	return "", fmt.Errorf("unknown status %q: want one of %q", text, Statuses())
}

// Ended reports whether the job is over: succeeded, failed or cancelled. A
// failed or cancelled job can still be resumed or restarted.
func (s Status) Ended() bool {
	return s == Succeeded || s == Failed || s == Cancelled
}

// Resumable reports whether a job in this state can be resumed or restarted.
func (s Status) Resumable() bool { return s == Failed || s == Cancelled }

// CanMove reports whether a job may go from s to next.
func (s Status) CanMove(next Status) bool {
	switch s {
	case Scheduled:
		return next == Processing || next == Cancelled
	case Processing:
		return next.Ended() || next == Scheduled
	case Failed, Cancelled:
		return next == Scheduled
	default:
		return false
	}
}

// StepStatus is the state of one step in a job's record.
type StepStatus string

// The states of a step. A step is completed once its record is in the
// database; only then does the next one begin.
const (
	// StepPending has not begun.
	StepPending StepStatus = "pending"
	// StepRunning has begun and not ended.
	StepRunning StepStatus = "running"
	// StepCompleted ended well; its output is recorded and it never runs again.
	StepCompleted StepStatus = "completed"
	// StepFailed returned an error or panicked.
	StepFailed StepStatus = "failed"
	// StepCancelled was stopped by a cancel request.
	StepCancelled StepStatus = "cancelled"
	// StepInterrupted was cut short from outside: its process died or shut
	// down, or its lease was lost. Whether its effect happened is not known.
	StepInterrupted StepStatus = "interrupted"
	// StepSkipped was passed over; its record says why.
	StepSkipped StepStatus = "skipped"
	// StepWaiting goes on at a time, or when something happens: a signal, the
	// end of other jobs. Its job is scheduled meanwhile and holds no lock.
	StepWaiting StepStatus = "waiting"
	// StepUndone was completed, and its effect was taken back.
	StepUndone StepStatus = "undone"
)

// Known reports whether this version of the module knows the state. A newer one
// may have others.
func (s StepStatus) Known() bool {
	switch s {
	case "", StepPending, StepRunning, StepCompleted, StepFailed, StepCancelled, StepInterrupted, StepSkipped, StepWaiting, StepUndone:
		return true
	default:
		return false
	}
}

// Done reports whether a step of this state is not run (again) when its job
// goes on: completed or skipped.
func (s StepStatus) Done() bool { return s == StepCompleted || s == StepSkipped }
