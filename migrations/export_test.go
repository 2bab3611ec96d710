package migrations

import (
	"context"

	"github.com/uptrace/bun"
)

// Alone does the work as a process that migrates would.
func Alone(ctx context.Context, db *bun.DB, do func(ctx context.Context, conn bun.IConn) error) error {
	return openAlone(ctx, db, func(ctx context.Context, s *session) error { return do(ctx, s.conn) })
}
