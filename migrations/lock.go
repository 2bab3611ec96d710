package migrations

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// retry is how long to wait before the lock is asked for again.
const retry = 100 * time.Millisecond

// pause waits between two attempts at the lock, and fails when ctx ends.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return waited(ctx)
	case <-timer.C:
		return nil
	}
}

func waited(ctx context.Context) error {
	return fmt.Errorf("wait for the migration lock, which another connection holds: %w", context.Cause(ctx))
}

// discard closes a connection whose state is unknown, so that the pool does not
// hand it out again. The database then ends whatever it held.
func discard(conn bun.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
