package execution

import (
	"context"
	"fmt"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// withTimeout returns a context that ends when the time limit of one attempt is over.
func withTimeout(ctx context.Context, planned *plan.Step) (context.Context, context.CancelFunc) {
	if planned.Timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, planned.Timeout, fmt.Errorf("%w after %v", plan.ErrTimeout, planned.Timeout))
}
