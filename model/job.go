package model

import (
	"encoding/json"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// The tables, as the package migrations makes them.
const (
	JobsTable  = "job_system_jobs"
	LocksTable = "job_type_lock"
)

// Job is a row of job_system_jobs. All times are the database's clock, in UTC
// with microseconds.
type Job struct {
	bun.BaseModel `bun:"table:job_system_jobs,alias:j" json:"-"`

	// ID is a UUIDv7: ids sort by the time they were made.
	ID uuid.UUID `bun:"id,pk" json:"id"`
	// Type names the definition that runs the job, and the lock that keeps a
	// second one of its type from running.
	Type string `bun:"type" json:"type"`
	// Name, Role, Email and UploadedFileURL belong to the host: shown, never read.
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
	// TimeToCompleteMS is the estimated time to the end in milliseconds, nil
	// when nothing is known.
	TimeToCompleteMS *int64 `bun:"time_to_complete_ms" json:"time_to_complete_ms"`
	// TimeToCompleteSource says what that was estimated by: "history" is how long the
	// type's last jobs took, "observed" this run's speed so far, and "reported" what
	// the steps say themselves.
	TimeToCompleteSource string `bun:"time_to_complete_source" json:"time_to_complete_source,omitempty"`
	// Checkpoints is where the steps under way last checkpointed; see [Checkpoints].
	Checkpoints json.RawMessage `bun:"checkpoints" json:"checkpoints,omitempty"`
	// Attempt counts claims. It is the fence: a write of a run carries the
	// attempt it was claimed with and is refused once the row has another.
	Attempt int64 `bun:"attempt" json:"attempt"`
	// Resumptions counts how often the job went on after it had failed or
	// been cancelled.
	Resumptions int    `bun:"resumptions" json:"resumptions"`
	Error       string `bun:"error" json:"error,omitempty"`
	ScheduledAt Time   `bun:"scheduled_at" json:"scheduled_at"`
	// StartedAt is when the latest run began, FinishedAt when the job ended.
	StartedAt  Time `bun:"started_at" json:"started_at"`
	FinishedAt Time `bun:"finished_at" json:"finished_at"`
	// HeartbeatAt is when the engine that runs the job last said it is alive,
	// ProgressedAt when the job last got further.
	HeartbeatAt       Time   `bun:"heartbeat_at" json:"heartbeat_at"`
	ProgressedAt      Time   `bun:"progressed_at" json:"progressed_at"`
	CancelRequestedAt Time   `bun:"cancel_requested_at" json:"cancel_requested_at"`
	CancelledBy       string `bun:"cancelled_by" json:"cancelled_by,omitempty"`
	CancelReason      string `bun:"cancel_reason" json:"cancel_reason,omitempty"`
	// Signals are what the job was sent from outside; see [Signals].
	Signals json.RawMessage `bun:"signals" json:"signals,omitempty"`
	// ParentID is the job that has enqueued this one and waits for it.
	ParentID *uuid.UUID `bun:"parent_id" json:"parent_id,omitempty"`
	// IdempotencyKey is unique within the type, nil when none was given.
	IdempotencyKey *string `bun:"idempotency_key" json:"idempotency_key,omitempty"`
	CreatedAt      Time    `bun:"created_at" json:"created_at"`
	UpdatedAt      Time    `bun:"updated_at" json:"updated_at"`
	// DeletedAt is set on a soft-deleted job, which is neither run nor listed.
	DeletedAt Time `bun:"deleted_at" json:"deleted_at"`

	// Existing is set by an enqueue that found a job with its idempotency key
	// and returned that one instead of making another.
	Existing bool `bun:"-" json:"existing,omitempty"`
}

// TypeLock is a row of job_type_lock: who runs the one job of a type, and until
// when that claim stands unless renewed.
type TypeLock struct {
	bun.BaseModel `bun:"table:job_type_lock,alias:l" json:"-"`

	Type string `bun:"type,pk" json:"type"`
	// LockedUntil is the end of the lease by the database's clock.
	LockedUntil Time `bun:"locked_until" json:"locked_until"`
	UpdatedAt   Time `bun:"updated_at" json:"updated_at"`
	// Owner is the engine: a random id for each start, with the host name and
	// process id behind it for people to read.
	Owner string `bun:"owner" json:"owner,omitempty"`
	// JobID and Attempt are the run that the lock covers; a nil JobID is a
	// free lock.
	JobID   *uuid.UUID `bun:"job_id" json:"job_id,omitempty"`
	Attempt int64      `bun:"attempt" json:"attempt,omitempty"`
}
