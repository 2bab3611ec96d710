package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// NotifyDue notifies other engines, where the database can, that a job of a type
// may be due. In a transaction it goes out with the commit.
func (s *Store) NotifyDue(ctx context.Context, db bun.IDB, jobType string) error {
	return s.database.notify(ctx, db, notifyDue+jobType)
}

// NotifyDecision notifies other engines of a decision on a job.
func (s *Store) NotifyDecision(ctx context.Context, db bun.IDB, id uuid.UUID) error {
	return s.database.notify(ctx, db, notifyDecide+id.String())
}

// NotifyCancel notifies other engines of a cancel request on a job.
func (s *Store) NotifyCancel(ctx context.Context, db bun.IDB, id uuid.UUID) error {
	return s.database.notify(ctx, db, notifyCancel+id.String())
}
