package model

import (
	"encoding/json"
	"slices"

	"github.com/google/uuid"
)

// JobView is the status of a job as an API returns it: everything that a client
// needs to show the job, under stable snake_case keys. Durations are given twice:
// in milliseconds, and as text for people ("1m 5s"). An empty value is null, or its
// key is absent, as noted at each field.
type JobView struct {
	ID              uuid.UUID `json:"id"`
	Type            string    `json:"type"`
	Name            string    `json:"name"`
	Role            string    `json:"role,omitempty"`
	Email           string    `json:"email,omitempty"`
	UploadedFileURL string    `json:"uploaded_file_url,omitempty"`

	Status   Status  `json:"status"`
	Progress float64 `json:"progress"` // 0 to 1
	Percent  int     `json:"percent"`  // Progress in whole percent, 100 only when Progress is 1
	Message  string  `json:"message"`
	// Error says why the job failed or was interrupted; empty otherwise.
	Error string `json:"error,omitempty"`

	// Input is what the job was enqueued with, as an API may show it: see [Redactor].
	Input          json.RawMessage `json:"input"`
	IdempotencyKey *string         `json:"idempotency_key,omitempty"`

	// CurrentStep is the step that runs, or with which a resume would begin. In a
	// group it is a member that runs, or else one that has failed. It is empty on a
	// succeeded job, and before the plan is known.
	CurrentStep    string     `json:"current_step"`
	StepsCompleted int        `json:"steps_completed"` // completed and skipped ones
	StepsTotal     int        `json:"steps_total"`     // 0 until the plan is known
	Steps          []StepView `json:"steps"`

	// ElapsedMS is the time from the start of the latest run to its end, or until
	// now; null before the job has run. Elapsed is the same as text.
	ElapsedMS *int64 `json:"elapsed_ms"`
	Elapsed   string `json:"elapsed,omitempty"`
	// RemainingMS is the estimated time to the end of a processing job, as likely to be
	// too long as too short; null if there is no estimate, as for a stalled job.
	// Remaining is the same as text, up to RemainingP90MS if that is known ("3-5 min").
	RemainingMS *int64 `json:"remaining_ms"`
	Remaining   string `json:"remaining,omitempty"`
	// RemainingP90MS is the time that the remaining one exceeds in one of ten jobs; null
	// if that is not known, because fewer than three jobs of the type have succeeded.
	RemainingP90MS *int64 `json:"remaining_p90_ms"`
	// RemainingSource says what the estimate is based on: see
	// [Job.TimeToCompleteSource].
	RemainingSource string `json:"remaining_source,omitempty"`

	// Ahead is how many jobs of the type run or are claimed before a scheduled job, if
	// none is enqueued meanwhile. ExpectedStart and ExpectedFinish are when it is expected
	// to start and to end, by how long the last jobs of its type took and by its size, if
	// the definition declares that. They are absent if nothing is known of the type, for a
	// job that waits for something else than its turn, and in a list of jobs. A processing
	// job has an ExpectedFinish as well.
	Ahead          int  `json:"ahead,omitempty"`
	ExpectedStart  Time `json:"expected_start,omitzero"`
	ExpectedFinish Time `json:"expected_finish,omitzero"`
	// Stalled says that a step of a job whose engine is alive makes no progress for much
	// longer than it usually does: five times the longest silence of its last jobs, and
	// at least 10 s; two minutes if it has not completed before. Its StalledAt says
	// since when.
	Stalled bool `json:"stalled,omitempty"`

	// WaitsFor says for people what the job's step waits for, or that it is due and no
	// engine on this database has had its type. It is empty for a job that runs, or that waits only for
	// its turn. WaitsUntil is when the step
	// continues at the latest; null if it has no such time. A job that waits is
	// scheduled, except during a short delay before a step's next attempt.
	WaitsFor   string `json:"waits_for,omitempty"`
	WaitsUntil Time   `json:"waits_until"`
	// Signals are the signals sent to the job that no step has used yet, because
	// no step has come to wait for them, or no worker has claimed the job since.
	Signals []SignalView `json:"signals,omitempty"`
	// Undoing says that the job's completed steps are being undone before it ends.
	Undoing bool `json:"undoing,omitempty"`
	// Crashes is how many times the job was resumed automatically after its process
	// died, since a person last resumed it.
	Crashes int `json:"crashes,omitempty"`
	// InDoubt names the steps in whose middle the process died and that must not
	// simply run again: a resume has to say whether to run or to skip them.
	InDoubt []string `json:"in_doubt,omitempty"`
	// PlanChanged says that the definition has changed since the job began, and
	// that the job's record fits the new one.
	PlanChanged bool `json:"plan_changed,omitempty"`
	// History holds, oldest first, the records of steps that were run again or that
	// the definition no longer has. HistoryDropped counts the records that were
	// dropped because the document had no room for them.
	History        []StepRecord `json:"history,omitempty"`
	HistoryDropped int          `json:"history_dropped,omitempty"`
	// ParentID is the job that has enqueued this one and waits for it.
	ParentID *uuid.UUID `json:"parent_id,omitempty"`

	// CancelRequested is set as soon as a cancel is requested; the job becomes
	// cancelled once its handler has returned.
	CancelRequested   bool   `json:"cancel_requested"`
	CancelRequestedAt Time   `json:"cancel_requested_at"`
	CancelledBy       string `json:"cancelled_by,omitempty"`
	CancelReason      string `json:"cancel_reason,omitempty"`
	// Declared is the status with which the job was declared to end, by Succeed or
	// Fail; empty if it was not. A job that runs ends when its step has returned.
	Declared Status `json:"declared,omitempty"`

	// Owner is the engine that runs a processing job, LockedUntil the end of its
	// lease. LeaseExpired says that the lease has expired: the engine is dead or cut
	// off, and the next engine that checks settles the job.
	Owner        string `json:"owner,omitempty"`
	LockedUntil  Time   `json:"locked_until"`
	LeaseExpired bool   `json:"lease_expired"`

	Attempt     int64           `json:"attempt"`
	Resumptions int             `json:"resumptions"`
	Checkpoints json.RawMessage `json:"checkpoints,omitempty"`
	Result      json.RawMessage `json:"result,omitempty"`
	// Priority is the job's rank among the due jobs of its type: see [Job.Priority].
	Priority int `json:"priority"`
	// ScheduledAt is when the job is due; null while it waits for something without
	// a time limit.
	ScheduledAt  Time `json:"scheduled_at"`
	StartedAt    Time `json:"started_at"`
	FinishedAt   Time `json:"finished_at"`
	HeartbeatAt  Time `json:"heartbeat_at"`
	ProgressedAt Time `json:"progressed_at"`
	CreatedAt    Time `json:"created_at"`
	UpdatedAt    Time `json:"updated_at"`
	DeletedAt    Time `json:"deleted_at"`
}

// Signal returns the signal of that name among those that no step has used yet, or
// nil.
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
	// DurationMS is the time that the step took, or has taken so far; null before
	// it began.
	DurationMS *int64          `json:"duration_ms"`
	Duration   string          `json:"duration,omitempty"`
	Output     json.RawMessage `json:"output,omitempty"`
	Error      string          `json:"error,omitempty"`
	// Size is how much the step had to do: see [StepRecord]. StalledAt is when it was
	// found to be stalled, if it is.
	Size      float64 `json:"size,omitempty"`
	StalledAt Time    `json:"stalled_at,omitzero"`
	// EarlierErrors and Stack say more about the step's failures: see [StepRecord].
	EarlierErrors []AttemptError `json:"earlier_errors,omitempty"`
	Stack         string         `json:"stack,omitempty"`
	Group         string         `json:"group,omitempty"`
	// WaitUntil, Awaits, SentBy, SentAt and Children say what the step waits for, or
	// waited for: see [StepRecord].
	WaitUntil Time        `json:"wait_until,omitzero"`
	Awaits    string      `json:"awaits,omitempty"`
	SentBy    string      `json:"sent_by,omitempty"`
	SentAt    Time        `json:"sent_at,omitzero"`
	Children  []uuid.UUID `json:"children,omitempty"`
	Undo      *UndoRecord `json:"undo,omitempty"`
}
