package execution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// attempt runs a step, with all its attempts, and returns its output, or how the run ends
// instead. begun says that the step is marked as running. If the step was skipped, or its
// completion is recorded already, its record says so when attempt returns.
func (r *run) attempt(ctx context.Context, i int, begun bool) (json.RawMessage, *ending) {
	if !begun {
		switch done, e := r.beforeFirstAttempt(ctx, i); {
		case e != nil:
			return nil, e
		case done:
			return r.record(i).Output, nil
		}
	}
	if r.plan.Steps[i].Waits() {
		return r.await(i)
	}
	for {
		if !begun {
			if e := r.waitToRetry(ctx, i); e != nil {
				return nil, e
			}
			if e := r.beginStep(ctx, i); e != nil {
				return nil, e
			}
		}
		begun = false
		output, again, err := r.call(ctx, i)
		if err == nil {
			return output, nil
		}
		if e := r.failed(ctx, i, err, again); e != nil {
			return nil, e
		}
	}
}

// await handles a step that waits: either the wait is over, or the run ends to wait.
func (r *run) await(i int) (json.RawMessage, *ending) {
	planned := &r.plan.Steps[i]
	switch {
	case planned.AwaitSignal:
		return r.awaitSignal(i)
	case planned.ChildJobs != nil:
		return r.awaitChildren(i)
	default:
		return r.sleep(i)
	}
}

// beginStep marks a step as running. If the begin of an attempt decides how the job
// continues after a crash, it waits until the begin is in the database.
func (r *run) beginStep(ctx context.Context, i int) *ending {
	if !r.plan.RecordsBegin(i) {
		r.edit(func() { r.begin(i) })
		return nil
	}
	if err := r.write(func() { r.begin(i) }); err != nil {
		e := r.afterError(r.plan.Steps[i].Name, err)
		return &e
	}
	err := r.interruption()
	if err == nil {
		err = context.Cause(ctx) // the group may have failed
	}
	if err != nil {
		r.edit(func() { r.unbegin(i) })
		e := r.afterError("", err)
		return &e
	}
	return nil
}

// call runs the step once, in a new goroutine, since the step may end its goroutine, and
// checks its output. again reports whether its error is worth another attempt.
func (r *run) call(ctx context.Context, i int) (output json.RawMessage, again bool, err error) {
	planned := &r.plan.Steps[i]
	ctx, cancel := withTimeout(ctx, planned)
	defer cancel()
	session := newSession(r, planned.Name)
	defer session.close()
	defer r.warnUntilReturned(ctx, planned.Name)()
	if planned.Tx != nil {
		return r.callInTx(ctx, i, session)
	}
	again = true // also after a panic
	err = plan.Guard(func() (err error) {
		if output, err = planned.Run(ctx, session); err != nil {
			again = planned.Retry.ShouldRetry(plan.WithReason(ctx, err))
		}
		return err
	})
	if err != nil {
		return nil, again, plan.WithReason(ctx, err)
	}
	r.edit(func() { output, err = r.keepOutput(output) })
	if err != nil {
		return nil, false, err
	}
	return output, false, nil
}

// failed records a failed attempt. It returns nil if another attempt follows, or how the
// run ends. After a decision from outside the run no attempt follows.
func (r *run) failed(ctx context.Context, i int, err error, again bool) *ending {
	if errors.Is(context.Cause(ctx), plan.ErrGroupFailed) && !errors.Is(err, plan.ErrGroupFailed) {
		err = fmt.Errorf("%w: %w", plan.ErrGroupFailed, err) // the step's error may not say why its context ended
	}
	e := r.afterStep(i, err)
	if e.status != model.Failed || !again || ctx.Err() != nil || r.decided() || !r.postpone(i) {
		return &e
	}
	return nil
}
