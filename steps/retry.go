package steps

import (
	"time"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// defaultMaxDelay is the default of [MaxDelay].
const defaultMaxDelay = time.Hour

// RetryOption is an option of [Retry].
type RetryOption func(*plan.Retry)

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
		s.retry = plan.Retry{Attempts: attempts, First: first, Max: max(first, defaultMaxDelay)}
		for _, opt := range opts {
			opt(&s.retry)
		}
	}
}

// MaxDelay bounds the delays between attempts. The default is an hour, or the
// first delay if that is longer.
func MaxDelay(d time.Duration) RetryOption { return func(r *plan.Retry) { r.Max = d } }

// RetryIf tries again only after errors of which worth is true; after others the
// job fails at once. It is given the step's error as it was returned, together
// with [ErrTimeout] if the attempt took too long, so that [errors.Is] and
// [errors.As] see into both. It is not asked about errors that are [Permanent],
// and about panics, which are tried again.
func RetryIf(worth func(error) bool) RetryOption { return func(r *plan.Retry) { r.If = worth } }

// Permanent wraps an error of a step that no further attempt can mend: it fails
// the job at once, whatever [Retry] says. It returns nil for nil.
func Permanent(err error) error { return plan.Permanent(err) }
