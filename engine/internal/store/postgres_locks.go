package store

import (
	"context"

	"github.com/uptrace/bun"
)

func (d postgres) lockUnlocked(ctx context.Context, tx bun.Tx, types []string) ([]string, error) {
	return lockUnlocked(ctx, d.executor, tx, types)
}
