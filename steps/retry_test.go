package steps_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// retriesOf returns the retries of a step with this option.
func retriesOf(t *testing.T, opt steps.Option) plan.Retry {
	t.Helper()
	d := steps.Define[month]()
	steps.Do(d, "step", func(context.Context, *steps.Run[month]) error { return nil }, opt)
	require.NoError(t, d.Validate())
	plan, err := d.Plan([]byte(`{}`))
	require.NoError(t, err)
	return plan.Steps[0].Retry
}

func TestTheDelaysDoubleUpToTheirBoundAndVary(t *testing.T) {
	t.Parallel()
	retries := retriesOf(t, steps.Retry(12, time.Second, steps.MaxDelay(time.Minute)))
	for failures := 1; failures < 12; failures++ {
		middle := min(time.Second<<(failures-1), time.Minute)
		seen := make(map[time.Duration]bool)
		for range 100 {
			delay, more := retries.Delay(failures)
			require.True(t, more)
			assert.GreaterOrEqual(t, delay, middle*8/10-time.Microsecond, "after %d failures", failures)
			assert.LessOrEqual(t, delay, min(middle*12/10+time.Microsecond, time.Minute), "after %d failures", failures)
			seen[delay] = true
		}
		assert.Greater(t, len(seen), 10, "the jitter varies after %d failures", failures)
	}
	_, more := retries.Delay(12)
	assert.False(t, more, "the first attempt is one of the twelve")
}

func TestTheDelayIsAnHourAtMostOrTheFirstOne(t *testing.T) {
	t.Parallel()
	delay, more := retriesOf(t, steps.Retry(1000, time.Second)).Delay(999)
	assert.True(t, more)
	assert.LessOrEqual(t, delay, time.Hour)
	assert.Greater(t, delay, 40*time.Minute)
	delay, _ = retriesOf(t, steps.Retry(2, 10*time.Hour)).Delay(1)
	assert.GreaterOrEqual(t, delay, 8*time.Hour)
}

func TestAStepWithoutRetriesIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for _, retries := range []plan.Retry{{}, retriesOf(t, steps.Retry(1, time.Second))} {
		_, more := retries.Delay(1)
		assert.False(t, more)
	}
}

func TestWhichErrorsAreWorthAnotherAttempt(t *testing.T) {
	t.Parallel()
	busy, wrong := errors.New("busy"), errors.New("wrong")
	all := retriesOf(t, steps.Retry(2, time.Second))
	some := retriesOf(t, steps.Retry(2, time.Second, steps.RetryIf(func(err error) bool { return errors.Is(err, busy) })))
	assert.True(t, all.ShouldRetry(wrong))
	assert.True(t, some.ShouldRetry(fmt.Errorf("deep in: %w", busy)))
	assert.False(t, some.ShouldRetry(wrong))
	for _, retries := range []plan.Retry{all, some} {
		assert.False(t, retries.ShouldRetry(fmt.Errorf("deep in: %w", steps.Permanent(busy))))
	}
	assert.NoError(t, steps.Permanent(nil))
	assert.ErrorIs(t, steps.Permanent(busy), busy)
	assert.EqualError(t, steps.Permanent(busy), "busy")
}

func TestMistakesInTheOptionsOfAStepAreReported(t *testing.T) {
	t.Parallel()
	type other struct{}
	for want, opts := range map[string][]steps.Option{
		"negative part": {steps.Retry(-1, time.Second)},
		"the first delay of its Retry, 1m0s, is longer than its MaxDelay, 1s": {steps.Retry(3, time.Minute, steps.MaxDelay(time.Second))},
		"timeout -1s is negative":                           {steps.Timeout(-time.Second)},
		"the function of When is nil":                       {steps.When[month](nil, "why")},
		"the function of Verify is nil":                     {steps.Verify[month, int](nil)},
		"the function of When is for another type of input": {steps.When(func(*steps.Run[other]) bool { return true }, "")},
		"the function of Verify returns a string, but the step returns a int": {
			steps.Verify(func(context.Context, *steps.Run[month]) (string, bool, error) { return "", true, nil }),
		},
		"has both StopOnCrash and Verify": {steps.StopOnCrash(),
			steps.Verify(func(context.Context, *steps.Run[month]) (int, bool, error) { return 1, true, nil })},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			d := steps.Define[month]()
			steps.Add(d, "count", func(context.Context, *steps.Run[month]) (int, error) { return 1, nil }, opts...)
			err := d.Validate()
			require.ErrorContains(t, err, want)
			assert.ErrorContains(t, err, `step "count"`)
		})
	}
	d := steps.Define[month](steps.ResumeOnCrash(-1))
	steps.Do(d, "send", func(context.Context, *steps.Run[month]) error { return nil },
		steps.Verify(func(context.Context, *steps.Run[month]) (steps.None, bool, error) { return steps.None{}, true, nil }))
	assert.ErrorContains(t, d.Validate(), "is negative")
	assert.NotContains(t, d.Validate().Error(), "Verify", "None is the output of a step that has none")
}
