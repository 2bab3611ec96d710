package store

import (
	"context"

	"github.com/uptrace/bun"
)

const mysqlEnsureLock = `
INSERT INTO job_type_lock (type, locked_until, updated_at)
VALUES (?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))
ON DUPLICATE KEY UPDATE type = type`

const mysqlWriteLocks = `
UPDATE job_type_lock l
SET
	job_id = v.job_id,
	attempt = v.attempt,
	updated_at = UTC_TIMESTAMP(6),
	owner = CASE WHEN v.job_id IS NULL THEN '' ELSE v.owner END,
	locked_until = CASE WHEN v.job_id IS NULL THEN UTC_TIMESTAMP(6) ELSE {later} END
WHERE l.type IN ({keys})
	AND (v.ended IS NULL OR l.job_id = v.ended AND l.attempt = v.ended_attempt)`

func (d mysql) lockUnlocked(ctx context.Context, tx bun.Tx, types []string) ([]string, error) {
	return lockUnlocked(ctx, d.executor, tx, types)
}

func (d mysql) ensureLock(ctx context.Context, jobType string) error {
	_, err := d.db.NewRaw(d.sql(OpEnsureLocks, mysqlEnsureLock), jobType).Exec(ctx)
	return err
}

func (d mysql) writeLocks(ctx context.Context, tx bun.Tx, b *batch, owner Owner) error {
	text := d.sqlLater(OpAssignLocks, mysqlWriteLocks, owner.Lease)
	_, err := tx.NewRaw("?", d.inlineValues(text, "l.type", b.and(column{"owner", texts}, owner.ID))).Exec(ctx)
	return err
}
