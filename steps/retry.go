package steps

import (
	"time"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// defaultMaxDelay is the default of [MaxDelay].
const defaultMaxDelay = time.Hour

// RetryOption is an option of [Retry].
type RetryOption func(*plan.Retry)

// Retry tries the step up to that many times in all if it returns an error, panics or
// takes longer than its [Timeout]. first is the delay before the second attempt. Each
// further delay is about twice as long, up to an hour (see [MaxDelay]), and up to a fifth
// longer or shorter at random.
//
// Failed attempts are recorded: a crash neither resets their count nor ends the delay; a
// resume by a person does both. An attempt that was cut short, because its process died or
// its engine stopped, is not a failed one. During a short delay the job stays processing.
// During a delay longer than the engine's Config.RetryInPlace the job is scheduled, and
// other jobs of its type can run.
func Retry(attempts int, first time.Duration, opts ...RetryOption) Option {
	return func(s *stepSettings) {
		s.retry = plan.Retry{Attempts: attempts, First: first, Max: max(first, defaultMaxDelay)}
		for _, opt := range opts {
			opt(&s.retry)
		}
	}
}

// MaxDelay limits the delays between attempts. The default is an hour, or the first delay
// if that is longer.
func MaxDelay(d time.Duration) RetryOption { return func(r *plan.Retry) { r.Max = d } }

// RetryIf tries the step again only after errors for which shouldRetry returns true; after
// any other error the job fails at once. shouldRetry gets the error that the step
// returned, joined with [ErrTimeout] if the attempt took too long; [errors.Is] and
// [errors.As] find both. It is not called for [Permanent] errors, nor for panics, after
// which the step is tried again.
func RetryIf(shouldRetry func(error) bool) RetryOption {
	return func(r *plan.Retry) { r.If = shouldRetry }
}

// Permanent wraps an error after which no further attempt makes sense: the job fails at
// once, whatever [Retry] says. It returns nil for nil.
func Permanent(err error) error { return plan.Permanent(err) }
