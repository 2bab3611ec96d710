package plan

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// The delays between attempts: each is about twice as long as the one before, and longer or
// shorter at random by up to the jitter.
const (
	delayMultiplier = 2
	delayJitter     = 0.2
	// maxDelay is a century. With the longest Duration, adding the jitter would
	// overflow.
	maxDelay = 100 * 365 * 24 * time.Hour
)

// Retry says how a failed step is tried again.
type Retry struct {
	Attempts int              // in all; with 0 or 1 the step is not tried again
	First    time.Duration    // the first delay
	Max      time.Duration    // the longest delay
	If       func(error) bool // whether an error is worth another attempt; nil for all errors
}

// ShouldRetry reports whether an error may be followed by another attempt.
func (r Retry) ShouldRetry(err error) bool {
	var permanent *permanentError
	return !errors.As(err, &permanent) && (r.If == nil || r.If(err))
}

// Delay returns the delay before the next attempt after that many attempts have failed, and
// false if no attempt is left.
func (r Retry) Delay(failures int) (time.Duration, bool) {
	if failures >= r.Attempts {
		return 0, false
	}
	most := min(max(r.Max, time.Millisecond), maxDelay)
	curve := backoff.ExponentialBackOff{InitialInterval: min(max(r.First, time.Millisecond), most), RandomizationFactor: delayJitter, Multiplier: delayMultiplier, MaxInterval: most}
	curve.Reset()
	delay := curve.NextBackOff()
	for range min(failures, 64) - 1 { // after 64 doublings the delay has reached its bound
		delay = curve.NextBackOff()
	}
	return min(delay, most), true
}

// Permanent wraps an error after which no attempt follows. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }
