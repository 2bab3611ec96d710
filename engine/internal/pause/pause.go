// Package pause waits before an engine tries something again, with delays that grow.
//
// It may import backoff and the standard library.
//
//	pause.go   all of it
package pause

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// New returns the delays between attempts to reach the database: they grow from 10 ms to a
// second.
func New() *backoff.ExponentialBackOff { return Between(10*time.Millisecond, time.Second) }

// Between returns delays that grow from first to most. They are for one goroutine.
func Between(first, most time.Duration) *backoff.ExponentialBackOff {
	delays := backoff.NewExponentialBackOff()
	delays.InitialInterval, delays.MaxInterval = first, most
	return delays
}

// For waits for d. It returns false if ctx ended before that.
func For(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Jitter returns d, longer or shorter by up to a tenth at random, so that engines that
// started at the same time do not query the database at the same time.
func Jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // it spreads load, and is no secret
}
