package store

import (
	"context"

	"github.com/uptrace/bun"
)

// rowLocks is what databases that lock single rows have in common: PostgreSQL,
// MySQL and MariaDB.
type rowLocks struct{}

// soleWriter returns false: other transactions write other rows meanwhile.
func (rowLocks) soleWriter() bool { return false }

// beginWriting does nothing: any statement of a transaction can wait for a lock.
func (rowLocks) beginWriting(context.Context, bun.Tx) error { return nil }

const lockUnlockedQuery = `
SELECT l.type
FROM job_type_lock l
WHERE l.type IN (?)
ORDER BY l.type
FOR UPDATE SKIP LOCKED`

func lockUnlocked(ctx context.Context, e *executor, tx bun.Tx, types []string) (unlocked []string, err error) {
	err = tx.NewRaw(e.sql(OpRenewLock, lockUnlockedQuery), bun.List(types)).Scan(ctx, &unlocked)
	return unlocked, err
}
