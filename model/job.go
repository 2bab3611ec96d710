package model

import (
	"encoding/json"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// The names of the tables, which package migrations creates.
const (
	JobsTable  = "job_system_jobs"
	LocksTable = "job_type_lock"
)

// Job is a row of job_system_jobs. All times are by the database's clock, in UTC
// with microseconds.
type Job struct {
	bun.BaseModel `bun:"table:job_system_jobs,alias:j" json:"-"`

	// ID is a UUIDv7: ids sort by the time at which they were made.
	ID uuid.UUID `bun:"id,pk" json:"id"`
	// Type is the name of the definition that runs the job, and of the lock that
	// prevents a second job of the type from running.
	Type string `bun:"type" json:"type"`
	// Name, Role, Email and UploadedFileURL belong to the host program: they are
	// shown, and nothing depends on them.
	Name            string `bun:"name" json:"name"`
	Role            string `bun:"role" json:"role,omitempty"`
	Email           string `bun:"email" json:"email,omitempty"`
	UploadedFileURL string `bun:"uploaded_file_url" json:"uploaded_file_url,omitempty"`
	// Data is the document described at [Data].
	Data   json.RawMessage `bun:"data" json:"data"`
	Status Status          `bun:"status" json:"status"`
	// Progress is the completed share of the work, 0 to 1. It never falls
	// until a restart.
	Progress float64 `bun:"progress" json:"progress"`
	Message  string  `bun:"message" json:"message"`
	// TimeToCompleteMS is the estimated time to the end in milliseconds, nil if
	// there is no estimate. TimeToCompleteP90MS is the time that it exceeds in one
	// of ten jobs, nil if that is not known.
	TimeToCompleteMS    *int64 `bun:"time_to_complete_ms" json:"time_to_complete_ms"`
	TimeToCompleteP90MS *int64 `bun:"time_to_complete_p90_ms" json:"time_to_complete_p90_ms,omitempty"`
	// TimeToCompleteSource says what the estimate is based on: "history" is mostly
	// how the type's last jobs went, "observed" mostly this run's pace so far, and
	// "reported" what the steps themselves report.
	TimeToCompleteSource string `bun:"time_to_complete_source" json:"time_to_complete_source,omitempty"`
	// Checkpoints holds the last checkpoints of the steps that have begun and not
	// completed; see [Checkpoints].
	Checkpoints json.RawMessage `bun:"checkpoints" json:"checkpoints,omitempty"`
	// Attempt counts claims. It is the fence: each write of a run carries the
	// attempt with which the job was claimed, and changes nothing once the row has
	// another attempt.
	Attempt int64 `bun:"attempt" json:"attempt"`
	// Resumptions counts how often the job was resumed after it had failed or
	// been cancelled.
	Resumptions int    `bun:"resumptions" json:"resumptions"`
	Error       string `bun:"error" json:"error,omitempty"`
	// Priority is the job's rank among the due jobs of its type; see [MaxPriority].
	Priority    int  `bun:"priority" json:"priority"`
	ScheduledAt Time `bun:"scheduled_at" json:"scheduled_at"`
	// StartedAt is when the latest run began, FinishedAt when the job ended.
	StartedAt  Time `bun:"started_at" json:"started_at"`
	FinishedAt Time `bun:"finished_at" json:"finished_at"`
	// HeartbeatAt is the last heartbeat of the engine that runs the job,
	// ProgressedAt the time at which the job last made progress.
	HeartbeatAt       Time   `bun:"heartbeat_at" json:"heartbeat_at"`
	ProgressedAt      Time   `bun:"progressed_at" json:"progressed_at"`
	CancelRequestedAt Time   `bun:"cancel_requested_at" json:"cancel_requested_at"`
	CancelledBy       string `bun:"cancelled_by" json:"cancelled_by,omitempty"`
	CancelReason      string `bun:"cancel_reason" json:"cancel_reason,omitempty"`
	// Decision is how a running job was declared to end, by Succeed or Fail; see
	// [Decision]. A resume or a restart clears it.
	Decision json.RawMessage `bun:"decision" json:"decision,omitempty"`
	// Signals holds the signals that were sent to the job; see [Signals].
	Signals json.RawMessage `bun:"signals" json:"signals,omitempty"`
	// ParentID is the job that has enqueued this one and waits for it; nil if there
	// is none.
	ParentID *uuid.UUID `bun:"parent_id" json:"parent_id,omitempty"`
	// IdempotencyKey is unique within the type, nil if none was given: among the jobs
	// whose key binds. UniqueUntil has the statuses, separated by spaces, in which it
	// does not; empty for none.
	IdempotencyKey *string `bun:"idempotency_key" json:"idempotency_key,omitempty"`
	UniqueUntil    string  `bun:"unique_until" json:"unique_until,omitempty"`
	// LeftUntil is set on a scheduled job that does not fit the definition of an engine
	// which has claimed it: until then it is left to engines whose definition it fits.
	// Error says why.
	LeftUntil Time `bun:"left_until" json:"left_until,omitzero"`
	CreatedAt Time `bun:"created_at" json:"created_at"`
	UpdatedAt Time `bun:"updated_at" json:"updated_at"`
	// DeletedAt is set on a soft-deleted job, which is neither run nor listed.
	DeletedAt Time `bun:"deleted_at" json:"deleted_at"`

	// Existing is set by an enqueue that found a job with its idempotency key and
	// returned that job instead of creating another.
	Existing bool `bun:"-" json:"existing,omitempty"`
}

// TypeLock is a row of job_type_lock: which engine runs the one job of a type, and
// when its lease expires unless it is renewed.
type TypeLock struct {
	bun.BaseModel `bun:"table:job_type_lock,alias:l" json:"-"`

	Type string `bun:"type,pk" json:"type"`
	// LockedUntil is the end of the lease by the database's clock.
	LockedUntil Time `bun:"locked_until" json:"locked_until"`
	UpdatedAt   Time `bun:"updated_at" json:"updated_at"`
	// Owner is the engine: a random id for each start, followed by the host name and
	// the process id for people to read.
	Owner string `bun:"owner" json:"owner,omitempty"`
	// JobID and Attempt identify the run that holds the lock; a nil JobID is a free
	// lock.
	JobID   *uuid.UUID `bun:"job_id" json:"job_id,omitempty"`
	Attempt int64      `bun:"attempt" json:"attempt,omitempty"`
}
