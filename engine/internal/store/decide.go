package store

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// decideQuery puts a decision on a running job, whose state may have changed since it was
// read: hence the conditions.
const decideQuery = `
UPDATE job_system_jobs
SET decision = {json ?}, updated_at = {now}
WHERE id = ? AND status = 'processing' AND attempt = ? AND decision IS NULL`

// Decide puts a decision on a processing job that has none, unless check returns an error
// for the job, and reports whether it did. It returns the row as it was before, or nil if
// there is no such job.
func (s *Store) Decide(ctx context.Context, db bun.IDB, id uuid.UUID, decision json.RawMessage, check func(*model.Job) error) (row *Row, decided bool, err error) {
	for { // until the row is in a state that is left as it is
		row, err := s.Get(ctx, db, id)
		if err != nil || row == nil {
			return nil, false, err
		}
		if err := s.database.readNewest(ctx, db, row); err != nil {
			return nil, false, err
		}
		if row.Status != model.Processing || row.Decision != nil {
			return row, false, nil
		}
		if err := check(&row.Job); err != nil {
			return nil, false, err
		}
		var rows int64
		err = repeatRolledBack(db, func() error {
			res, err := db.NewRaw(s.sql(OpDecide, decideQuery), string(decision), id.String(), row.Attempt).Exec(ctx)
			if err == nil {
				rows, err = res.RowsAffected()
			}
			return err
		})
		if err != nil || rows > 0 {
			return row, err == nil, err
		}
	}
}
