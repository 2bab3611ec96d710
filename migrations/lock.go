package migrations

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// lockRetryInterval is the time between two attempts to acquire the lock.
const lockRetryInterval = 100 * time.Millisecond

// waitToRetry waits before the next attempt to acquire the lock. It returns an
// error when ctx ends.
func waitToRetry(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return lockWaitError(ctx)
	case <-timer.C:
		return nil
	}
}

func lockWaitError(ctx context.Context) error {
	return fmt.Errorf("wait for the migration lock, which another connection holds: %w", context.Cause(ctx))
}

// discard closes a connection whose state is unknown, so that the pool does not
// reuse it. The database then releases its locks.
func discard(conn bun.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
