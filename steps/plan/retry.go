package plan

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// The curve of the delays between attempts: each is about twice the one before,
// longer or shorter at random by up to the jitter.
const (
	retryMultiplier = 2
	retryJitter     = 0.2
	// maxRetryDelay is a century: with the jitter of a Duration's own bound, there
	// would be an overflow.
	maxRetryDelay = 100 * 365 * 24 * time.Hour
)

// Retry is how a failed step is tried again. Attempts of 0 or 1 is not at all.
type Retry struct {
	Attempts int
	First    time.Duration
	Max      time.Duration
	If       func(error) bool // nil for all errors
}

// ShouldRetry reports whether an error may be followed by another attempt.
func (r Retry) ShouldRetry(err error) bool {
	var permanent *permanentError
	return !errors.As(err, &permanent) && (r.If == nil || r.If(err))
}

// Delay returns the delay before the next attempt, after that many have failed,
// and false if there is none left.
func (r Retry) Delay(failures int) (time.Duration, bool) {
	if failures >= r.Attempts {
		return 0, false
	}
	most := min(max(r.Max, time.Millisecond), maxRetryDelay)
	curve := backoff.ExponentialBackOff{InitialInterval: min(max(r.First, time.Millisecond), most), RandomizationFactor: retryJitter, Multiplier: retryMultiplier, MaxInterval: most}
	curve.Reset()
	delay := curve.NextBackOff()
	for range min(failures, 64) - 1 { // by then it has reached its bound
		delay = curve.NextBackOff()
	}
	return min(delay, most), true
}

// Permanent marks an error after which no attempt follows. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }
