package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// cancelQuery puts a cancel request on a job, whose state may have changed since it
// was read: hence the conditions. {change} is what it changes besides.
const cancelQuery = `
UPDATE job_system_jobs
SET {change} cancel_requested_at = {now}, cancelled_by = ?, cancel_reason = ?, updated_at = {now}
WHERE id = ?
	AND status = ?
	AND attempt = ?
	AND (deleted_at IS NULL OR status = 'processing')
	AND cancel_requested_at IS NULL`

// What a cancel request changes besides.
const (
	cancelRunning = ""
	cancelHandled = "scheduled_at = {now},"
	cancelAtOnce  = "status = 'cancelled', finished_at = {now}, time_to_complete_ms = NULL, time_to_complete_p90_ms = NULL, time_to_complete_source = '',"
)

// RequestCancel cancels a scheduled job, or puts a cancel request on a
// processing one unless there is one already. It also puts the request on a
// scheduled job of which handled says that its handler sees to the request, and
// makes it due. It returns the row as it is then, or nil if there is no such job.
func (s *Store) RequestCancel(ctx context.Context, db bun.IDB, id uuid.UUID, by, reason string, handled func(*model.Job) bool) (*Row, error) {
	for { // until the row is in a state that is left as it is
		row, err := s.Get(ctx, db, id)
		if err != nil || row == nil {
			return nil, err
		}
		if err := s.database.readNewest(ctx, db, row); err != nil {
			return nil, err
		}
		waits := row.Status == model.Scheduled && row.DeletedAt.IsZero()
		runs := row.Status == model.Processing
		if !row.CancelRequestedAt.IsZero() || !waits && !runs {
			return row, nil
		}
		change := cancelAtOnce
		switch {
		case runs:
			change = cancelRunning
		case handled(&row.Job):
			change = cancelHandled
		}
		type key struct{ change string }
		text := s.text(OpCancel, key{change}, cancelQuery, func() words { return words{"change": change} })
		err = repeatRolledBack(db, func() error {
			_, err := db.NewRaw(text, by, reason, id.String(), string(row.Status), row.Attempt).Exec(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
}
