package model

import (
	"fmt"
	"slices"
)

// Status is the state of a job. There are exactly five, with these changes:
//
//	scheduled  -> processing                      a worker claims the job
//	scheduled  -> cancelled                       cancelled before it ran
//	processing -> succeeded | failed | cancelled  its handler has returned
//	processing -> scheduled                       handed over, or waiting to continue
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

// ParseStatus returns the status that text names, or an error that lists the five
// states.
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

// CanMove reports whether the status of a job may change from s to next.
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
	// StepPending means that the step has not begun.
	StepPending StepStatus = "pending"
	// StepRunning means that the step has begun and not ended.
	StepRunning StepStatus = "running"
	// StepCompleted means that the step succeeded and its output is recorded. It
	// never runs again, unless a person asks for that.
	StepCompleted StepStatus = "completed"
	// StepFailed means that the step returned an error or panicked.
	StepFailed StepStatus = "failed"
	// StepCancelled means that a cancel request stopped the step.
	StepCancelled StepStatus = "cancelled"
	// StepInterrupted means that the step was cut short from outside: its process
	// died or shut down, or its lease was lost. Whether its effect happened is not
	// known.
	StepInterrupted StepStatus = "interrupted"
	// StepSkipped means that the step did not run; its record says why.
	StepSkipped StepStatus = "skipped"
	// StepWaiting means that the step continues at a time, or when something
	// happens: a signal arrives, or other jobs end. Its job is scheduled meanwhile
	// and holds no lock.
	StepWaiting StepStatus = "waiting"
	// StepUndone means that the step completed, and its effect was undone.
	StepUndone StepStatus = "undone"
)

// Known reports whether this version of the module knows the state. A newer version
// may have written another one.
func (s StepStatus) Known() bool {
	switch s {
	case "", StepPending, StepRunning, StepCompleted, StepFailed, StepCancelled, StepInterrupted, StepSkipped, StepWaiting, StepUndone:
		return true
	default:
		return false
	}
}

// Done reports whether a step in this state does not run when its job is resumed:
// it is completed or skipped.
func (s StepStatus) Done() bool { return s == StepCompleted || s == StepSkipped }
