package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// orphanedJobs selects processing jobs that no lock covers and whose last
// heartbeat is some time ago.
const orphanedJobs = `
SELECT j.type, j.id AS job_id, j.attempt
FROM job_system_jobs j
LEFT JOIN job_type_lock l ON l.type = j.type AND l.job_id = j.id AND l.attempt = j.attempt
WHERE j.status = 'processing'
	AND l.type IS NULL
	AND COALESCE(j.heartbeat_at, j.updated_at) < {later}`

// abandonedLocks selects locks that ran out some time ago.
const abandonedLocks = `
SELECT l.type, l.job_id, l.attempt
FROM job_type_lock l
WHERE l.job_id IS NOT NULL AND l.locked_until < {later}`

// lockOrphan locks the row of such a job, on every database, by writing to it.
const lockOrphan = `
UPDATE job_system_jobs
SET updated_at = {now}
WHERE id = ?
	AND attempt = ?
	AND status = 'processing'
	AND COALESCE(heartbeat_at, updated_at) < {later}`

// Orphans returns processing jobs that no lock covers and that have had no
// heartbeat for that long, and locks of any type that ran out that long ago.
func (s *Store) Orphans(ctx context.Context, silence time.Duration) (rows, locks []LockedRun, err error) {
	if err := s.db.NewRaw(s.sqlLater(OpOrphans, orphanedJobs, -silence)).Scan(ctx, &rows); err != nil {
		return nil, nil, fmt.Errorf("look for jobs without a lock: %w", err)
	}
	if err := s.db.NewRaw(s.sqlLater(OpOrphansLocks, abandonedLocks, -silence)).Scan(ctx, &locks); err != nil {
		return nil, nil, fmt.Errorf("look for abandoned locks: %w", err)
	}
	return rows, locks, nil
}

// SettleOrphan ends a processing job that no lock covers, if that is still so.
func (s *Store) SettleOrphan(ctx context.Context, run LockedRun, silence time.Duration, outcome func(*model.Job) error) (*model.Job, error) {
	var settled *model.Job
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		res, err := tx.NewRaw(s.sqlLater(OpSettleOrphanLock, lockOrphan, -silence), run.JobID.String(), run.Attempt).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		settled, err = s.settleRow(ctx, tx, run, outcome)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("settle job %s of type %q: %w", run.JobID, run.Type, err)
	}
	return settled, nil
}
