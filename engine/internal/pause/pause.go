// Package pause has the waits of an engine that has to try again.
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

// New returns the delays between two attempts to reach the database: 10 ms, and longer
// from one to the next, up to a second.
func New() *backoff.ExponentialBackOff { return Between(10*time.Millisecond, time.Second) }

// Between returns delays that grow from first to most.
func Between(first, most time.Duration) *backoff.ExponentialBackOff {
	delays := backoff.NewExponentialBackOff()
	delays.InitialInterval, delays.MaxInterval = first, most
	return delays
}

// For waits for d and reports whether ctx has lasted that long.
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

// Jitter returns d, longer or shorter by up to a tenth, so that engines that started
// together do not ask the database together.
func Jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // spreads load, and is no secret
}
