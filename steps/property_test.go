package steps_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// For any retries, a delay is positive, no longer than its bound, and within a fifth of
// the doubled first delay; there is none after the last attempt.
func TestEveryDelayIsWithinItsBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "first"))
		retries := plan.Retry{
			Attempts: rapid.IntRange(0, math.MaxInt).Draw(t, "attempts"), First: first,
			Max: first + time.Duration(rapid.Int64Range(0, math.MaxInt64-int64(first)).Draw(t, "more")),
		}
		failures := rapid.OneOf(rapid.IntRange(1, 100), rapid.IntRange(1, math.MaxInt)).Draw(t, "failures")
		delay, more := retries.Delay(failures)
		require.Equal(t, failures < retries.Attempts, more)
		if !more {
			assert.Zero(t, delay)
			return
		}
		least := float64(max(first, time.Millisecond))
		const century = 100 * 365 * 24 * time.Hour
		bound := float64(min(max(retries.Max, time.Millisecond), century))
		middle := math.Min(least*math.Pow(2, float64(min(failures, 64)-1)), bound)
		const slack = 2 // nanoseconds, for rounding
		assert.Positive(t, delay)
		assert.LessOrEqual(t, float64(delay), math.Min(middle*1.2, bound)+slack)
		assert.GreaterOrEqual(t, float64(delay), middle*0.8-slack)
	})
}
