package store

import (
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// Row is a job with the lock that covers it, read at Now.
type Row struct {
	model.Job   `bun:",extend"`
	Owner       string     `bun:"owner"`
	LockedUntil model.Time `bun:"locked_until"`
	Now         model.Time `bun:"now"`
	// TypeServed says that an engine with the job's type has run on the database.
	TypeServed bool `bun:"type_served"`
}

// Owner is an engine as the locks know it, and how long its leases last.
type Owner struct {
	ID    string
	Lease time.Duration
}

// LockedRun is a type's lock together with the run it covers.
type LockedRun struct {
	Type    string    `bun:"type"`
	JobID   uuid.UUID `bun:"job_id"`
	Attempt int64     `bun:"attempt"`
}
