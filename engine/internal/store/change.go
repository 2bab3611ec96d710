package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// ErrUnchanged is the error of a change that leaves the job as it was: it is not
// written, and the error is not returned.
var ErrUnchanged = errors.New("unchanged")

// KeyTakenError means that a job cannot run again because its idempotency key, which did not
// bind any more, is that of another job now.
type KeyTakenError struct{ Job uuid.UUID }

func (e *KeyTakenError) Error() string { return fmt.Sprintf("job %s has its idempotency key", e.Job) }

// Signal reads a job with its row locked, lets change edit its signals and when
// it is due, and writes those. It reports whether there is such a job.
func (s *Store) Signal(ctx context.Context, db bun.IDB, id uuid.UUID, change func(*Row) error) (found bool, err error) {
	return s.change(ctx, db, id, change, func(ctx context.Context, tx bun.Tx, j *model.Job) error {
		_, err := tx.NewRaw(s.sql(OpSignal, "UPDATE job_system_jobs SET signals = {json ?}, scheduled_at = ?, updated_at = {now} WHERE id = ?"),
			string(j.Signals), j.ScheduledAt, j.ID.String()).Exec(ctx)
		return err
	})
}

// Change reads a job with its row locked, lets change edit it, and writes the
// columns that people's commands may change. An error of change leaves the row
// as it was and is returned as it is. For a job whose idempotency key binds again by the
// change, and is another job's now, the error is a [KeyTakenError]. Change reports whether there is such a
// job.
func (s *Store) Change(ctx context.Context, db bun.IDB, id uuid.UUID, change func(*Row) error) (found bool, err error) {
	found, err = s.change(ctx, db, id, change, s.writeChange)
	if _, own := db.(*bun.DB); own && isDuplicate(err) { // enqueued since: now it is found
		found, err = s.change(ctx, db, id, change, s.writeChange)
	}
	return found, err
}

func (s *Store) change(ctx context.Context, db bun.IDB, id uuid.UUID, change func(*Row) error,
	write func(context.Context, bun.Tx, *model.Job) error,
) (found bool, err error) {
	err = s.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		// Touching the row locks it on every database, and makes the
		// transaction a writing one from the start on SQLite.
		if _, err := tx.NewRaw(s.sql(OpChangeLock, "UPDATE job_system_jobs SET updated_at = {now} WHERE id = ?"), id.String()).Exec(ctx); err != nil {
			return fmt.Errorf("lock job: %w", err)
		}
		row, err := s.Get(ctx, tx, id)
		if err != nil || row == nil {
			return err
		}
		found = true
		if err := change(row); err != nil {
			return err
		}
		return write(ctx, tx, &row.Job)
	})
	if errors.Is(err, ErrUnchanged) {
		err = nil
	}
	return found, err
}

const changeQuery = `
UPDATE job_system_jobs
SET
	status = ?,
	data = {json ?},
	progress = ?,
	message = ?,
	time_to_complete_ms = ?,
	time_to_complete_p90_ms = ?,
	time_to_complete_source = ?,
	checkpoints = {json ?},
	resumptions = ?,
	error = ?,
	scheduled_at = ?,
	started_at = ?,
	finished_at = ?,
	cancel_requested_at = ?,
	cancelled_by = ?,
	cancel_reason = ?,
	decision = {json ?},
	signals = {json ?},
	idempotency_key = ?,
	deleted_at = ?,
	left_until = ?,
	updated_at = {now}
WHERE id = ?`

func (s *Store) writeChange(ctx context.Context, tx bun.Tx, j *model.Job) error {
	if err := s.checkKey(ctx, tx, j); err != nil {
		return err
	}
	_, err := tx.NewRaw(s.sql(OpChange, changeQuery),
		string(j.Status), string(j.Data), j.Progress, j.Message, j.TimeToCompleteMS, j.TimeToCompleteP90MS, j.TimeToCompleteSource, orNil(j.Checkpoints), j.Resumptions, j.Error,
		j.ScheduledAt, j.StartedAt, j.FinishedAt, j.CancelRequestedAt, j.CancelledBy, j.CancelReason, orNil(j.Decision), orNil(j.Signals), j.IdempotencyKey, j.DeletedAt, j.LeftUntil, j.ID.String()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write job: %w", err)
	}
	return nil
}

// checkKey returns a [KeyTakenError] for a job whose idempotency key binds again if another
// job has it. The unique index rejects the write if one is enqueued at the same moment.
func (s *Store) checkKey(ctx context.Context, tx bun.Tx, j *model.Job) error {
	if j.IdempotencyKey == nil || j.UniqueUntil == "" || j.Status.Ended() {
		return nil
	}
	const query = "SELECT j.id FROM job_system_jobs j WHERE j.type = ? AND {has_key j} AND j.id <> ?"
	var others []uuid.UUID
	if err := tx.NewRaw(s.sql(OpChangeKey, query), j.Type, *j.IdempotencyKey, j.ID.String()).Scan(ctx, &others); err != nil {
		return fmt.Errorf("look for a job with its idempotency key: %w", err)
	}
	if len(others) > 0 {
		return &KeyTakenError{others[0]}
	}
	return nil
}
