package plan_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// bad is an error whose own method does what it must not.
type bad struct{ do func() }

func (b bad) Error() string { b.do(); return "never said" }

// What host code panics with or returns is never walked, and its methods can neither
// end this process nor this goroutine.
func TestGuardSurvivesWhateverHostCodePanicsWithOrReturns(t *testing.T) {
	t.Parallel()
	cyclic := map[string]any{}
	cyclic["self"] = cyclic
	list := []any{nil}
	list[0] = list
	for name, c := range map[string]struct {
		fn   func() error
		want string
	}{
		"text":                      {func() error { panic("out of order") }, "panic: out of order"},
		"number":                    {func() error { panic(7) }, "panic: 7"},
		"error":                     {func() error { panic(fmt.Errorf("boom %d", 1)) }, "panic: boom 1"},
		"cyclic map":                {func() error { panic(cyclic) }, "panic: a value of type map[string]interface {}"},
		"cyclic slice":              {func() error { panic(list) }, "panic: a value of type []interface {}"},
		"error that panics":         {func() error { panic(bad{func() { panic("again") }}) }, "panic: a value of type plan_test.bad"},
		"error that exits":          {func() error { panic(bad{runtime.Goexit}) }, "panic: a value of type plan_test.bad"},
		"long text":                 {func() error { panic(strings.Repeat("x", 1<<20)) }, "panic: " + strings.Repeat("x", 1999) + "…"},
		"returned error that exits": {func() error { return bad{runtime.Goexit} }, "ended its goroutine"},
		"returned error panics":     {func() error { return bad{func() { panic("again") }} }, "panic: again"},
		"exit":                      {func() error { runtime.Goexit(); return nil }, "ended its goroutine"},
		"cancel":                    {func() error { return context.Canceled }, "context canceled"},
	} {
		err := plan.Guard(c.fn)
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), c.want, name)
		assert.NotContains(t, err.Error(), "guard_test.go", "%s: the stack is not for people", name)
	}
	var panicked *plan.PanicError
	require.ErrorAs(t, plan.Guard(func() error { panic("x") }), &panicked)
	assert.Contains(t, string(panicked.Stack), "guard_test.go")
	require.ErrorAs(t, plan.Guard(func() error { return fmt.Errorf("plan: %w", panicked) }), &panicked, "it stays one when it is wrapped")
	assert.NoError(t, plan.Guard(func() error { return nil }))
}

// That the time was up is said together with the step's own words, if it has any.
func TestTheReasonKeepsTheStepsOwnWords(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(fmt.Errorf("%w after 1s", plan.ErrTimeout))
	assert.Equal(t, "timed out after 1s: the bank does not answer", plan.WithReason(ctx, errors.New("the bank does not answer")).Error())
	assert.Equal(t, "timed out after 1s", plan.WithReason(ctx, context.Canceled).Error())
	assert.Equal(t, "timed out after 1s", plan.WithReason(ctx, context.Cause(ctx)).Error())
	assert.ErrorIs(t, plan.WithReason(ctx, errors.New("x")), plan.ErrTimeout)
}
