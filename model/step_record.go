package model

import (
	"encoding/json"

	"github.com/google/uuid"
)

// StepRecord is the record of one step.
type StepRecord struct {
	Name   string     `json:"name"`
	Status StepStatus `json:"status"`
	Weight float64    `json:"weight,omitempty"`
	// Attempts counts how often the step was begun, over all runs of the job.
	Attempts   int  `json:"attempts,omitempty"`
	StartedAt  Time `json:"started_at,omitzero"`
	FinishedAt Time `json:"finished_at,omitzero"`
	// DurationMS is the time that the latest ended attempt took, in milliseconds.
	DurationMS int64 `json:"duration_ms,omitempty"`
	// Size is how much the step had to do, in its own unit, for example in items; absent
	// if that is not known. Reports says that it has reported a share of its progress
	// before its end, and SilenceMS is the longest time, in milliseconds, without any
	// sign of progress, if that was a second or more. Later jobs of the type are
	// estimated by this. The three are about the attempt that DurationMS is about.
	Size      float64 `json:"size,omitempty"`
	Reports   bool    `json:"reports,omitempty"`
	SilenceMS int64   `json:"silence_ms,omitempty"`
	// StalledAt is when a running step was found to make no progress for much longer
	// than it usually does; absent otherwise.
	StalledAt Time `json:"stalled_at,omitzero"`
	// Output is what the step returned, present on completed steps that have an
	// output.
	Output json.RawMessage `json:"output,omitempty"`
	Error  string          `json:"error,omitempty"`
	// Stack is where the step panicked, if it did, for those who mend its code.
	Stack string `json:"stack,omitempty"`
	// EarlierErrors are those of the last attempts before the latest that failed, the
	// oldest first: at most [MaxEarlierErrors].
	EarlierErrors []AttemptError `json:"earlier_errors,omitempty"`
	// SetsResult says that this step has set the job's result.
	SetsResult bool `json:"sets_result,omitempty"`
	// BegunAs is the name under which the step first began, if the definition
	// has renamed it since.
	BegunAs string `json:"begun_as,omitempty"`
	// Group is the name of the step's group, whose members run at the same time;
	// empty for a step outside of a group.
	Group string `json:"group,omitempty"`
	// Version is the version of the step that made the output, as the definition
	// declared it then.
	Version int `json:"version,omitempty"`
	// Failures counts the failed attempts that count against the step's retries:
	// those since a person last resumed the job.
	Failures int `json:"failures,omitempty"`
	// WaitUntil is when a waiting step continues at the latest. Awaits is the name
	// of the signal it waits for, if any; SentBy and SentAt say who sent that
	// signal, and when.
	WaitUntil Time   `json:"wait_until,omitzero"`
	Awaits    string `json:"awaits,omitempty"`
	SentBy    string `json:"sent_by,omitempty"`
	SentAt    Time   `json:"sent_at,omitzero"`
	// Children are the jobs that the step has enqueued and waits for.
	Children []uuid.UUID `json:"children,omitempty"`
	// OnCrash says what happens if the process dies in the middle of this step.
	// Empty: the step runs again when the job is resumed. "stop", and any value
	// that this version does not know: a person must decide.
	OnCrash string `json:"on_crash,omitempty"`
	// Undo is the record of the step's undo; nil if the step cannot be undone, or
	// has not completed yet. After a step was undone, it stays until the step
	// completes again.
	Undo *UndoRecord `json:"undo,omitempty"`

	unknown unknown
}

// MaxEarlierErrors is how many errors of earlier attempts a record keeps.
const MaxEarlierErrors = 3

// AttemptError is the error of a failed attempt of a step.
type AttemptError struct {
	Attempt int    `json:"attempt"`
	At      Time   `json:"at"`
	Error   string `json:"error"`

	unknown unknown
}

// OnCrashStop is the value of [StepRecord.OnCrash] that makes a job whose process
// died in the middle of the step fail until a person decides how it continues.
const OnCrashStop = "stop"

// WasUndone reports whether the step has been undone, and has not completed
// again since.
func (r StepRecord) WasUndone() bool {
	return !r.Status.Done() && r.Undo != nil && r.Undo.Status == StepCompleted
}

// Crashed reports whether the process died in the middle of the step's latest
// attempt. An attempt that was interrupted by a hand-over, or because its group
// failed, has returned and so has a FinishedAt; a crashed one has none.
func (r StepRecord) Crashed() bool {
	return r.Status == StepInterrupted && r.FinishedAt.IsZero()
}

// InDoubt reports whether a person must decide how the job continues: the process
// died in the middle of a step that must not simply run again.
func (r StepRecord) InDoubt() bool { return r.Crashed() && r.OnCrash != "" }

// Retrying reports whether the step has failed and waits for its next attempt.
func (r StepRecord) Retrying() bool { return r.Status == StepWaiting && !r.FinishedAt.IsZero() }

// UndoRecord is the record of one step's undo.
type UndoRecord struct {
	// Status is pending, running, interrupted, failed or completed.
	Status StepStatus `json:"status"`
	// Attempts counts how often the undo was begun.
	Attempts   int    `json:"attempts"`
	FinishedAt Time   `json:"finished_at,omitzero"`
	Error      string `json:"error,omitempty"`

	unknown unknown
}

// errorSize is the number of bytes that the texts of the step's failures take.
func (r StepRecord) errorSize() int {
	n := len(r.Error) + len(r.Stack)
	for _, earlier := range r.EarlierErrors {
		n += len(earlier.Error)
	}
	if r.Undo != nil {
		n += len(r.Undo.Error)
	}
	return n
}
