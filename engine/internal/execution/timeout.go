package execution

import (
	"context"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// withTimeout returns a context that ends when the time limit of one attempt is over.
func withTimeout(ctx context.Context, planned *plan.Step) (context.Context, context.CancelFunc) {
	if planned.Timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, planned.Timeout, fmt.Errorf("%w after %v", plan.ErrTimeout, planned.Timeout))
}

// warnUntilReturned logs a warning if a step has not returned a lease's length after its
// context ended: it keeps its type from all engines. Call the function that it returns when
// the step has returned.
func (r *run) warnUntilReturned(ctx context.Context, step string) (returned func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(r.Owner.Lease)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
			r.Log.WarnContext(context.WithoutCancel(r.ctx), "step does not return though its context has ended; until it does, no job of its type runs",
				r.with("step", step, "cause", context.Cause(ctx), "since_ms", r.Owner.Lease.Milliseconds())...)
		}
	})
	return func() {
		stop()
		close(done)
	}
}
