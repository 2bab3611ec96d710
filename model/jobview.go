package model

import (
	"encoding/json"
	"slices"

	"github.com/google/uuid"
)

// JobView is what an API tells of a job: all that a client needs to show it,
// under stable snake_case keys. Durations come twice: in milliseconds, and as
// text for people ("1m 5s"). Keys that have nothing to say are null or absent
// as noted.
type JobView struct {
	ID              uuid.UUID `json:"id"`
	Type            string    `json:"type"`
	Name            string    `json:"name"`
	Role            string    `json:"role,omitempty"`
	Email           string    `json:"email,omitempty"`
	UploadedFileURL string    `json:"uploaded_file_url,omitempty"`

	Status   Status  `json:"status"`
	Progress float64 `json:"progress"` // 0 to 1
	Percent  int     `json:"percent"`  // Progress in whole percent, 100 only when all is done
	Message  string  `json:"message"`
	// Error says why the job failed or was interrupted; empty otherwise.
	Error string `json:"error,omitempty"`

	// CurrentStep is the step that runs, or that a resume would begin with; of
	// a group's members, one that runs or else one that has failed. It is empty
	// on a succeeded job, and before the plan is known.
	CurrentStep    string     `json:"current_step"`
	StepsCompleted int        `json:"steps_completed"` // completed and skipped ones
	StepsTotal     int        `json:"steps_total"`     // 0 until the plan is known
	Steps          []StepView `json:"steps"`

	// Elapsed is the time since the latest run began, until it ended; null
	// before a job has run.
	ElapsedMS *int64 `json:"elapsed_ms"`
	Elapsed   string `json:"elapsed,omitempty"`
	// Remaining is the estimated time to the end of a processing job; null
	// when nothing is known.
	RemainingMS *int64 `json:"remaining_ms"`
	Remaining   string `json:"remaining,omitempty"`
	// RemainingSource says what it was estimated by: see [Job.TimeToCompleteSource].
	RemainingSource string `json:"remaining_source,omitempty"`

	// WaitsFor says what the job's step waits for, for people: empty for a job
	// that runs, or that waits for its turn only. WaitsUntil is when it goes on
	// at the latest, null for never. A job that waits is scheduled, but for a
	// short delay before a step's next attempt.
	WaitsFor   string `json:"waits_for,omitempty"`
	WaitsUntil Time   `json:"waits_until"`
	// Signals are those that the job was sent and that no step has used yet,
	// because it has not come to that or no worker has taken it since.
	Signals []SignalView `json:"signals,omitempty"`
	// Undoing says that the job's completed steps are being undone, before it
	// ends.
	Undoing bool `json:"undoing,omitempty"`
	// Crashes is how often the job has gone on by itself after its process died,
	// since a person resumed it.
	Crashes int `json:"crashes,omitempty"`
	// InDoubt are the steps in whose middle the process died and that do not
	// simply run again: a resume has to say whether they do.
	InDoubt []string `json:"in_doubt,omitempty"`
	// PlanChanged says that the definition has changed since the job began, in a
	// way that its record fits.
	PlanChanged bool `json:"plan_changed,omitempty"`
	// History are records of steps that were run again or are gone from the
	// definition, the oldest first; HistoryDropped counts those that there was
	// no room for.
	History        []StepRecord `json:"history,omitempty"`
	HistoryDropped int          `json:"history_dropped,omitempty"`
	// ParentID is the job that waits for this one.
	ParentID *uuid.UUID `json:"parent_id,omitempty"`

	// CancelRequested is set from the request on; the job turns cancelled once
	// its handler has returned.
	CancelRequested   bool   `json:"cancel_requested"`
	CancelRequestedAt Time   `json:"cancel_requested_at"`
	CancelledBy       string `json:"cancelled_by,omitempty"`
	CancelReason      string `json:"cancel_reason,omitempty"`

	// Owner is the engine that runs a processing job, LockedUntil the end of
	// its lease. LeaseExpired says that the lease has run out: the engine is
	// gone, and the next engine that looks settles the job.
	Owner        string `json:"owner,omitempty"`
	LockedUntil  Time   `json:"locked_until"`
	LeaseExpired bool   `json:"lease_expired"`

	Attempt     int64           `json:"attempt"`
	Resumptions int             `json:"resumptions"`
	Checkpoints json.RawMessage `json:"checkpoints,omitempty"`
	Result      json.RawMessage `json:"result,omitempty"`
	// ScheduledAt is when the job is due; null while it waits for something that
	// has no time.
	ScheduledAt  Time `json:"scheduled_at"`
	StartedAt    Time `json:"started_at"`
	FinishedAt   Time `json:"finished_at"`
	HeartbeatAt  Time `json:"heartbeat_at"`
	ProgressedAt Time `json:"progressed_at"`
	CreatedAt    Time `json:"created_at"`
	UpdatedAt    Time `json:"updated_at"`
	DeletedAt    Time `json:"deleted_at"`
}

// Signal is the signal of that name among those that no step has used yet, or nil.
func (s *JobView) Signal(name string) *SignalView {
	i := slices.IndexFunc(s.Signals, func(one SignalView) bool { return one.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Signals[i]
}

// SignalView is a [Signal] in a [JobView], without its payload.
type SignalView struct {
	Name   string `json:"name"`
	SentBy string `json:"sent_by,omitempty"`
	SentAt Time   `json:"sent_at"`
}

// StepView is one step in a [JobView].
type StepView struct {
	Name       string     `json:"name"`
	Status     StepStatus `json:"status"`
	Weight     float64    `json:"weight"`
	Attempts   int        `json:"attempts"`
	StartedAt  Time       `json:"started_at"`
	FinishedAt Time       `json:"finished_at"`
	// DurationMS is the time the step took, or has taken so far; null before
	// it began.
	DurationMS *int64          `json:"duration_ms"`
	Duration   string          `json:"duration,omitempty"`
	Output     json.RawMessage `json:"output,omitempty"`
	Error      string          `json:"error,omitempty"`
	Group      string          `json:"group,omitempty"`
	// WaitUntil, Awaits, SentBy, SentAt and Children tell what the step waits for, or
	// waited for.
	WaitUntil Time        `json:"wait_until,omitzero"`
	Awaits    string      `json:"awaits,omitempty"`
	SentBy    string      `json:"sent_by,omitempty"`
	SentAt    Time        `json:"sent_at,omitzero"`
	Children  []uuid.UUID `json:"children,omitempty"`
	Undo      *UndoRecord `json:"undo,omitempty"`
}
