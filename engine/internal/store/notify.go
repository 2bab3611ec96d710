package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// Channel is the PostgreSQL channel that engines on one database share.
const Channel = "job_system_jobs"

// The payloads of notifications: a word, a space, and what it is about.
const (
	notifyDue    = "due "    // and a job type
	notifyCancel = "cancel " // and a job id
)

// NotifyDue tells other engines, where the database can, that a job of a type
// may be due. In a transaction it goes out with the commit.
func (s *Store) NotifyDue(ctx context.Context, db bun.IDB, jobType string) error {
	return s.notify(ctx, db, notifyDue+jobType)
}

// NotifyCancel tells other engines that a job is to be cancelled.
func (s *Store) NotifyCancel(ctx context.Context, db bun.IDB, id uuid.UUID) error {
	return s.notify(ctx, db, notifyCancel+id.String())
}

func (s *Store) notify(ctx context.Context, db bun.IDB, payload string) error {
	if !s.dialect.notifies {
		return nil
	}
	if _, err := db.NewRaw("SELECT pg_notify(?, ?)", Channel, payload).Exec(ctx); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}
