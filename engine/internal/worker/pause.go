package worker

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// newPause is the time between two tries to reach the database: longer from one
// to the next, up to a second.
func newPause() *backoff.ExponentialBackOff {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = 10*time.Millisecond, time.Second
	return pause
}

// wait reports whether ctx has lasted that long.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
