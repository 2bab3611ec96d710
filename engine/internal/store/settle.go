package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Settle ends a run whose lease has run out: outcome decides what becomes of
// the job, changing it in place, and the lock is freed. It returns nil if there
// is nothing to settle: the lease was renewed after all, or somebody else
// settles the run right now.
func (s *Store) Settle(ctx context.Context, run LockedRun, outcome func(*model.Job) error) (*model.Job, error) {
	var settled *model.Job
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if s.dialect.lock == "" { // on SQLite, one that begins by reading cannot wait for another writer
			if _, err := tx.NewRaw("UPDATE job_type_lock SET attempt = attempt WHERE 1 = 0").Exec(ctx); err != nil {
				return err
			}
		}
		var expired []string
		err := tx.NewRaw(s.sql("SELECT l.type FROM job_type_lock l WHERE l.type = ? AND l.job_id = ? AND l.attempt = ? AND l.locked_until <= {now}{skip}"),
			run.Type, run.JobID.String(), run.Attempt).Scan(ctx, &expired)
		if err != nil || len(expired) == 0 {
			return err
		}
		j, err := s.settleRow(ctx, tx, run, outcome)
		if err != nil || j == nil {
			return err
		}
		if err := s.assignLocks(ctx, tx, []LockedRun{run}, nil, Owner{}); err != nil {
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

// settleRow writes the outcome of the run's job. A job that is not that run any
// more is returned unchanged, and only its lock needs freeing; nil means that
// the row is locked by a run that is not dead after all.
func (s *Store) settleRow(ctx context.Context, tx bun.Tx, run LockedRun, outcome func(*model.Job) error) (*model.Job, error) {
	var j model.Job
	err := tx.NewRaw(s.sql(`SELECT `+jobColumns+` FROM job_system_jobs j WHERE j.id = ?{skip}`), run.JobID.String()).Scan(ctx, &j)
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

// lockedOrGone tells a row that another transaction has locked (nil) from one
// that somebody has deleted from the table.
func (s *Store) lockedOrGone(ctx context.Context, tx bun.Tx, run LockedRun) (*model.Job, error) {
	n := 0
	if err := tx.NewRaw("SELECT COUNT(*) FROM job_system_jobs j WHERE j.id = ?", run.JobID.String()).Scan(ctx, &n); err != nil || n > 0 {
		return nil, err
	}
	return &model.Job{ID: run.JobID, Type: run.Type}, nil
}

// writeOutcome writes what Settle's outcome may change.
func (s *Store) writeOutcome(ctx context.Context, tx bun.Tx, j *model.Job) error {
	finished, due := "NULL", "{now}" // what goes on by itself does so at once
	if j.Status.Ended() {
		finished, due = "{now}", "scheduled_at"
	}
	_, err := tx.NewRaw(s.sql("UPDATE job_system_jobs SET status = ?, error = ?, message = ?, data = "+s.dialect.json("?")+
		", progress = ?, resumptions = ?, time_to_complete_ms = NULL, time_to_complete_source = '', finished_at = "+finished+", scheduled_at = "+due+", updated_at = {now} WHERE id = ?"),
		string(j.Status), j.Error, j.Message, string(j.Data), j.Progress, j.Resumptions, j.ID.String()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write the outcome: %w", err)
	}
	return nil
}

// Orphans returns processing jobs that no lock covers and that nothing was
// heard of for that long, and locks of any type that ran out that long ago.
func (s *Store) Orphans(ctx context.Context, silence time.Duration) (rows, locks []LockedRun, err error) {
	past := s.dialect.after(-silence)
	err = s.db.NewRaw(s.sql(`SELECT j.type, j.id AS job_id, j.attempt FROM job_system_jobs j
LEFT JOIN job_type_lock l ON l.type = j.type AND l.job_id = j.id AND l.attempt = j.attempt
WHERE j.status = 'processing' AND l.type IS NULL AND COALESCE(j.heartbeat_at, j.updated_at) < `+past)).Scan(ctx, &rows)
	if err != nil {
		return nil, nil, fmt.Errorf("look for jobs without a lock: %w", err)
	}
	err = s.db.NewRaw(`SELECT l.type, l.job_id, l.attempt FROM job_type_lock l
WHERE l.job_id IS NOT NULL AND l.locked_until < `+past).Scan(ctx, &locks)
	if err != nil {
		return nil, nil, fmt.Errorf("look for abandoned locks: %w", err)
	}
	return rows, locks, nil
}

// SettleOrphan ends a processing job that no lock covers, if that is still so.
func (s *Store) SettleOrphan(ctx context.Context, run LockedRun, silence time.Duration, outcome func(*model.Job) error) (*model.Job, error) {
	var settled *model.Job
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// Touching the row locks it on every database.
		res, err := tx.NewRaw(s.sql(`UPDATE job_system_jobs SET updated_at = {now} WHERE id = ? AND attempt = ? AND status = 'processing' AND COALESCE(heartbeat_at, updated_at) < `+
			s.dialect.after(-silence)), run.JobID.String(), run.Attempt).Exec(ctx)
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
