package steps

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
	retryMaxDelay   = time.Hour
	// retryLongest is a century: with the jitter of a Duration's own bound, there
	// would be an overflow.
	retryLongest = 100 * 365 * 24 * time.Hour
)

// Retries is how a failed step is tried again. Attempts of 0 or 1 is not at all.
type Retries struct {
	Attempts int
	First    time.Duration
	Max      time.Duration
	If       func(error) bool // nil for all errors
}

// RetryOption is an option of [Retry].
type RetryOption func(*Retries)

// Retry has the step tried up to that many times in all when it returns an
// error, panics or takes longer than its [Timeout]. The first delay is followed
// by ones about twice as long each, up to an hour, with a jitter of a fifth.
//
// Failed attempts are recorded: a crash does not begin their count anew, nor end
// the delay; a resume by a person does both. An attempt that was cut short, by
// the death of its process or because its engine stopped, is not a failed one.
// A short delay passes in place; while a long one lasts (see the engine's
// Config.RetryInPlace), the job is scheduled and its type is free for others.
func Retry(attempts int, first time.Duration, opts ...RetryOption) Option {
	return func(s *stepSettings) {
		s.retry = Retries{Attempts: attempts, First: first, Max: max(first, retryMaxDelay)}
		for _, opt := range opts {
			opt(&s.retry)
		}
	}
}

// MaxDelay bounds the delays between attempts. The default is an hour, or the
// first delay if that is longer.
func MaxDelay(d time.Duration) RetryOption { return func(r *Retries) { r.Max = d } }

// RetryIf tries again only after errors of which worth is true; after others the
// job fails at once. It is given the step's error as it was returned, together
// with [ErrTimeout] if the attempt took too long, so that [errors.Is] and
// [errors.As] see into both. It is not asked about errors that are [Permanent],
// and about panics, which are tried again.
func RetryIf(worth func(error) bool) RetryOption { return func(r *Retries) { r.If = worth } }

// Permanent wraps an error of a step that no further attempt can mend: it fails
// the job at once, whatever [Retry] says. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// ShouldRetry reports whether an error may be followed by another attempt.
func (r Retries) ShouldRetry(err error) bool {
	var permanent *permanentError
	return !errors.As(err, &permanent) && (r.If == nil || r.If(err))
}

// Delay returns the delay before the next attempt, after that many have failed,
// and false if there is none left.
func (r Retries) Delay(failures int) (time.Duration, bool) {
	if failures >= r.Attempts {
		return 0, false
	}
	most := min(max(r.Max, time.Millisecond), retryLongest)
	curve := backoff.ExponentialBackOff{InitialInterval: min(max(r.First, time.Millisecond), most), RandomizationFactor: retryJitter, Multiplier: retryMultiplier, MaxInterval: most}
	curve.Reset()
	delay := curve.NextBackOff()
	for range min(failures, 64) - 1 { // by then it has reached its bound
		delay = curve.NextBackOff()
	}
	return min(delay, most), true
}
