package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// RequestCancel cancels a scheduled job, or puts a cancel request on a
// processing one unless there is one already. So it does on a scheduled one of
// which handled says that its handler has to see to it, and makes it due. It
// returns the row as it is then, or nil if there is no such job.
func (s *Store) RequestCancel(ctx context.Context, db bun.IDB, id uuid.UUID, by, reason string, handled func(*model.Job) bool) (*Row, error) {
	for {
		row, err := s.Get(ctx, db, id)
		if err != nil || row == nil {
			return nil, err
		}
		if err := s.readNewest(ctx, db, row); err != nil {
			return nil, err
		}
		waits := row.Status == model.Scheduled && row.DeletedAt.IsZero()
		runs := row.Status == model.Processing
		if !row.CancelRequestedAt.IsZero() || !waits && !runs {
			return row, nil
		}
		set := "status = 'cancelled', finished_at = {now}, time_to_complete_ms = NULL, time_to_complete_source = '', "
		switch {
		case runs:
			set = ""
		case handled(&row.Job):
			set = "scheduled_at = {now}, "
		}
		// The state may change between the statements: hence the conditions, and
		// the loop until the row is in a state that is left as it is.
		_, err = db.NewRaw(s.sql("UPDATE job_system_jobs SET "+set+"cancel_requested_at = {now}, cancelled_by = ?, cancel_reason = ?, updated_at = {now} "+
			"WHERE id = ? AND status = ? AND attempt = ? AND deleted_at IS NULL AND cancel_requested_at IS NULL"),
			by, reason, id.String(), string(row.Status), row.Attempt).Exec(ctx)
		if err != nil {
			return nil, err
		}
	}
}

// readNewest reads the state of a row anew where the transaction's snapshot may
// be older than what its own statements have met.
func (s *Store) readNewest(ctx context.Context, db bun.IDB, row *Row) error {
	if s.dialect.keyLock == "" {
		return nil
	}
	return db.NewRaw(s.sql("SELECT j.status, j.attempt, j.cancel_requested_at, j.deleted_at FROM job_system_jobs j WHERE j.id = ?{key_lock}"), row.ID.String()).
		Scan(ctx, &row.Status, &row.Attempt, &row.CancelRequestedAt, &row.DeletedAt)
}

// CancelRequests returns those of the jobs that somebody asked to cancel.
func (s *Store) CancelRequests(ctx context.Context, jobs []uuid.UUID) ([]uuid.UUID, error) {
	var requests []uuid.UUID
	err := s.db.NewRaw("SELECT j.id FROM job_system_jobs j WHERE j.id IN (?) AND j.cancel_requested_at IS NOT NULL", list(idTexts(jobs))).Scan(ctx, &requests)
	if err != nil {
		return nil, fmt.Errorf("look for cancel requests: %w", err)
	}
	return requests, nil
}
