package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

func (d postgres) ensureLock(ctx context.Context, jobType string) error {
	_, err := d.db.NewRaw(d.sql(OpEnsureLocks, ensureLockOrNothing), jobType).Exec(ctx)
	return err
}

func (d postgres) writeLocks(ctx context.Context, tx bun.Tx, b *batch, owner Owner) error {
	type key struct{ lease time.Duration }
	text := d.text(OpAssignLocks, key{owner.Lease}, writeLocksFromBatch, func() words {
		return words{"batch": postgresTable(b.columns), "micros": micros(owner.Lease)}
	})
	return d.exec(ctx, tx, text, owner.ID, lines(b.objects()))
}
