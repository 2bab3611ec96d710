package store

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// Recorded reports whether a job's row is still a run's, and returns its document,
// once no transaction is left that might still change them.
func (s *Store) Recorded(ctx context.Context, id uuid.UUID, attempt int64) (document json.RawMessage, mine bool, err error) {
	const wait = "UPDATE job_system_jobs SET heartbeat_at = {now} WHERE id = ? AND attempt = ? AND status = 'processing'"
	const read = "SELECT j.data FROM job_system_jobs j WHERE j.id = ? AND j.attempt = ? AND j.status = 'processing'"
	var rows []struct {
		Data json.RawMessage `bun:"data"`
	}
	err = s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// A write waits for the transaction that has locked the row.
		if _, err := tx.NewRaw(s.sql(OpRecordedWait, wait), id.String(), attempt).Exec(ctx); err != nil {
			return err
		}
		return tx.NewRaw(s.sql(OpRecorded, read), id.String(), attempt).Scan(ctx, &rows)
	})
	if err != nil || len(rows) == 0 {
		return nil, false, err
	}
	return rows[0].Data, true, nil
}
