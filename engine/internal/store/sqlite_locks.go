package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// beginWriting changes nothing: a transaction that begins by reading cannot wait
// for another writer.
func (d sqlite) beginWriting(ctx context.Context, tx bun.Tx) error {
	_, err := tx.NewRaw(d.sql(OpSettleBegin, "UPDATE job_type_lock SET attempt = attempt WHERE 1 = 0")).Exec(ctx)
	return err
}

// lockUnlocked returns all types, and does not look: what follows is a write.
func (sqlite) lockUnlocked(_ context.Context, _ bun.Tx, types []string) ([]string, error) {
	return types, nil
}

func (d sqlite) ensureLock(ctx context.Context, jobType string) error {
	_, err := d.db.NewRaw(d.sql(OpEnsureLocks, ensureLockOrNothing), jobType).Exec(ctx)
	return err
}

func (d sqlite) writeLocks(ctx context.Context, tx bun.Tx, b *batch, owner Owner) error {
	type key struct{ lease time.Duration }
	text := d.text(OpAssignLocks, key{owner.Lease}, writeLocksFromBatch, func() words {
		return words{"batch": sqliteTable(b.columns), "micros": micros(owner.Lease)}
	})
	return d.exec(ctx, tx, text, owner.ID, jsonArray(b.objects()))
}
