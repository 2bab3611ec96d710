package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// EnsureLocks makes the lock rows of types that have none yet.
func (s *Store) EnsureLocks(ctx context.Context, types []string) error {
	var have []string
	err := s.db.NewRaw(s.sql(OpEnsureLocksRead, "SELECT l.type FROM job_type_lock l WHERE l.type IN (?)"), bun.List(types)).Scan(ctx, &have)
	if err != nil {
		return fmt.Errorf("read locks: %w", err)
	}
	for _, t := range types {
		if slices.Contains(have, t) {
			continue
		}
		if err := s.database.ensureLock(ctx, t); err != nil {
			return fmt.Errorf("make the lock of type %q: %w", t, err)
		}
	}
	return nil
}

const renewQuery = `
UPDATE job_type_lock
SET locked_until = {later}, updated_at = {now}
WHERE type IN (?) AND owner = ? AND job_id IS NOT NULL`

const heldQuery = `
SELECT l.type, l.job_id, l.attempt
FROM job_type_lock l
WHERE l.type IN (?) AND l.owner = ? AND l.job_id IS NOT NULL`

// Renew extends the leases of an engine's runs of these types by its lease from
// now, and returns the runs whose leases it has extended, and the types whose
// locks it holds but could not extend, because another transaction has locked the
// rows: the others are extended all the same.
func (s *Store) Renew(ctx context.Context, types []string, owner Owner) (held []LockedRun, locked []string, err error) {
	var all []LockedRun
	var unlocked []string
	err = s.inTx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		if unlocked, err = s.database.lockUnlocked(ctx, tx, types); err != nil {
			return err
		}
		if len(unlocked) > 0 {
			_, err := tx.NewRaw(s.sqlLater(OpRenew, renewQuery, owner.Lease), bun.List(unlocked), owner.ID).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return tx.NewRaw(s.sql(OpRenewRead, heldQuery), bun.List(types), owner.ID).Scan(ctx, &all)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("renew leases: %w", err)
	}
	for _, run := range all {
		if slices.Contains(unlocked, run.Type) {
			held = append(held, run)
		} else {
			locked = append(locked, run.Type)
		}
	}
	return held, locked, nil
}

const touchJobQuery = `
UPDATE job_system_jobs
SET heartbeat_at = {now}, updated_at = {now}
WHERE id = ? AND attempt = ? AND status = 'processing'`

const touchLockQuery = `
UPDATE job_type_lock
SET updated_at = {now}
WHERE type = ? AND job_id = ? AND attempt = ?`

// Touch writes a run's heartbeat and its type's lock, and changes nothing else:
// it returns an error where the database takes no writes to these rows, whatever
// they hold.
func (s *Store) Touch(ctx context.Context, jobType string, id uuid.UUID, attempt int64) error {
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewRaw(s.sql(OpTouch, touchJobQuery), id.String(), attempt).Exec(ctx); err != nil {
			return err
		}
		_, err := tx.NewRaw(s.sql(OpTouch, touchLockQuery), jobType, id.String(), attempt).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("touch job %s: %w", id, err)
	}
	return nil
}

// Owned returns the jobs that an engine holds the locks of.
func (s *Store) Owned(ctx context.Context, owner Owner) ([]*model.Job, error) {
	const query = `
SELECT {job_columns j}
FROM job_type_lock l
JOIN job_system_jobs j ON j.id = l.job_id AND j.attempt = l.attempt AND j.status = 'processing'
WHERE l.owner = ?
ORDER BY j.id`
	var jobs []*model.Job
	if err := s.db.NewRaw(s.sql(OpOwned, query), owner.ID).Scan(ctx, &jobs); err != nil {
		return nil, fmt.Errorf("read the engine's own jobs: %w", err)
	}
	return jobs, nil
}
