package store

import (
	"context"

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
