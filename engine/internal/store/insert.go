package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Insert writes new jobs and fills in what the database decides: the times, and
// for a job whose idempotency key is in use, the row that has it. A zero
// ScheduledAt means now. If notify is set, other engines are notified, where the
// database can: with the commit.
func (s *Store) Insert(ctx context.Context, db bun.IDB, jobs []*model.Job, notify bool) error {
	return insertJobs(ctx, s.database, db, jobs, notify, insertTries)
}

// InsertAll is Insert for any number of jobs, all of them or none.
func (s *Store) InsertAll(ctx context.Context, db bun.IDB, jobs []*model.Job, notify bool) error {
	fresh := make([]model.Job, len(jobs))
	for i, j := range jobs {
		fresh[i] = *j
	}
	return repeatRolledBack(db, func() error {
		for i, j := range jobs { // an earlier try may have filled in rows of others
			*j = fresh[i]
		}
		return s.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error { return s.InsertMany(ctx, tx, jobs, notify) })
	})
}

// InsertMany is Insert for any number of jobs, in a transaction.
func (s *Store) InsertMany(ctx context.Context, tx bun.Tx, jobs []*model.Job, notify bool) error {
	return insertMany(ctx, s.database, tx, jobs, notify)
}
