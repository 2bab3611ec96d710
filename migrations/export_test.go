package migrations

import (
	"context"

	"github.com/uptrace/bun"
)

// WithLock runs do as Migrate would: on one connection, with the lock.
func WithLock(ctx context.Context, db *bun.DB, do func(ctx context.Context, conn bun.IConn) error) error {
	return withLockedSession(ctx, db, nil, func(ctx context.Context, s *session) error { return do(ctx, s.conn) })
}
