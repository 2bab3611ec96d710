package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

const expiredQuery = `
SELECT l.type
FROM job_type_lock l
WHERE l.type = ? AND l.job_id = ? AND l.attempt = ? AND l.locked_until <= {now}
{skip_locked}`

// Settle ends a run whose lease has run out: outcome decides what becomes of the
// job, changing it in place, and the lock is freed. It returns nil if there is
// nothing to settle: the lease was renewed after all, or another engine is settling
// the run.
func (s *Store) Settle(ctx context.Context, run LockedRun, outcome func(*model.Job) error) (*model.Job, error) {
	var settled *model.Job
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := s.database.beginWriting(ctx, tx); err != nil {
			return err
		}
		var expired []string
		err := tx.NewRaw(s.sql(OpSettleLock, expiredQuery), run.Type, run.JobID.String(), run.Attempt).Scan(ctx, &expired)
		if err != nil || len(expired) == 0 {
			return err
		}
		j, err := s.settleRow(ctx, tx, run, outcome)
		if err != nil || j == nil {
			return err
		}
		if err := assignLocks(ctx, s.database, tx, []LockedRun{run}, nil, Owner{}); err != nil {
			return err
		}
		settled = j
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("settle job %s of type %q: %w", run.JobID, run.Type, err)
	}
	return settled, nil
}

// settleRow writes the outcome of the run's job. It returns a job that is not that
// run any more unchanged, of which only the lock needs freeing; nil means that the
// row is locked by a run that is not dead after all.
func (s *Store) settleRow(ctx context.Context, tx bun.Tx, run LockedRun, outcome func(*model.Job) error) (*model.Job, error) {
	var j model.Job
	err := tx.NewRaw(s.sql(OpSettleRead, "SELECT {job_columns j} FROM job_system_jobs j WHERE j.id = ? {skip_locked}"), run.JobID.String()).Scan(ctx, &j)
	if errors.Is(err, sql.ErrNoRows) {
		return s.lockedOrGone(ctx, tx, run)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the job: %w", err)
	}
	if j.Status != model.Processing || j.Attempt != run.Attempt {
		return &j, nil
	}
	if err := outcome(&j); err != nil {
		return nil, err
	}
	return &j, s.writeOutcome(ctx, tx, &j)
}

// lockedOrGone returns nil for a row that another transaction has locked, and a job
// without content for one that was deleted from the table.
func (s *Store) lockedOrGone(ctx context.Context, tx bun.Tx, run LockedRun) (*model.Job, error) {
	n := 0
	err := tx.NewRaw(s.sql(OpSettleExists, "SELECT COUNT(*) FROM job_system_jobs j WHERE j.id = ?"), run.JobID.String()).Scan(ctx, &n)
	if err != nil || n > 0 {
		return nil, err
	}
	return &model.Job{ID: run.JobID, Type: run.Type}, nil
}

const outcomeQuery = `
UPDATE job_system_jobs
SET
	status = ?,
	error = ?,
	message = ?,
	data = {json ?},
	progress = ?,
	resumptions = ?,
	time_to_complete_ms = NULL,
	time_to_complete_p90_ms = NULL,
	time_to_complete_source = '',
	finished_at = {finished_at},
	scheduled_at = {scheduled_at},
	updated_at = {now}
WHERE id = ?`

// writeOutcome writes what Settle's outcome may change. A job that continues by
// itself is due at once.
func (s *Store) writeOutcome(ctx context.Context, tx bun.Tx, j *model.Job) error {
	type key struct{ ended bool }
	ended := j.Status.Ended()
	text := s.text(OpSettle, key{ended}, outcomeQuery, func() words {
		if ended {
			return words{"finished_at": "{now}", "scheduled_at": "scheduled_at"}
		}
		return words{"finished_at": "NULL", "scheduled_at": "{now}"}
	})
	_, err := tx.NewRaw(text, string(j.Status), j.Error, j.Message, string(j.Data), j.Progress, j.Resumptions, j.ID.String()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write the outcome: %w", err)
	}
	return nil
}
