package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// attempt gets a step done, however many attempts that takes, and returns its
// output; or how the run ends instead. A step that was skipped, or that is
// recorded as completed already, is marked so.
func (r *run) attempt(ctx context.Context, i int, begun bool) (json.RawMessage, *ending) {
	planned := &r.plan.Steps[i]
	if !begun {
		switch done, e := r.prelude(ctx, i); {
		case e != nil:
			return nil, e
		case done:
			return r.record(i).Output, nil
		}
	}
	if planned.Waits() {
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

// beginStep marks a step as running; where the begin of an attempt decides what
// becomes of the job, it waits until that is recorded.
func (r *run) beginStep(ctx context.Context, i int) *ending {
	planned := &r.plan.Steps[i]
	if !r.counts(planned) {
		r.edit(func() { r.begin(i) })
		return nil
	}
	if err := r.change(func() { r.begin(i) }); err != nil {
		e := r.afterError(planned.Name, err)
		return &e
	}
	err := r.interruption()
	if err == nil {
		err = context.Cause(ctx) // of the group
	}
	if err != nil {
		r.unbegin(i)
		e := r.afterError("", err)
		return &e
	}
	return nil
}

// counts reports whether it decides over the job that the step has begun.
func (r *run) counts(planned *steps.PlannedStep) bool {
	return planned.StopOnCrash || planned.Verify != nil || planned.Retries.Attempts > 1 || r.plan.ResumeOnCrash > 0
}

// call runs the step once, in a goroutine of its own so that one which ends its
// goroutine ends nothing else, and checks its output. again says that its error
// is worth another attempt.
func (r *run) call(ctx context.Context, i int) (output json.RawMessage, again bool, err error) {
	planned := &r.plan.Steps[i]
	ctx, cancel := limited(ctx, planned)
	defer cancel()
	session := newSession(r, planned.Name)
	defer session.close()
	if planned.Tx != nil {
		return r.callInTx(ctx, i, session)
	}
	again = true // a panic is an error like others
	err = guard(func() (err error) {
		if output, err = planned.Run(ctx, session); err != nil {
			again = planned.Retries.ShouldRetry(reason(ctx, err))
		}
		return err
	})
	if err != nil {
		return nil, again, reason(ctx, err)
	}
	if err := r.checkOutput(output); err != nil {
		return nil, false, err
	}
	return output, false, nil
}

// limited is a context that ends when an attempt of the step takes too long.
func limited(ctx context.Context, planned *steps.PlannedStep) (context.Context, context.CancelFunc) {
	if planned.Timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, planned.Timeout, fmt.Errorf("%w after %v", steps.ErrTimeout, planned.Timeout))
}

// reason is a step's error as it is recorded: that its time was up, or that its
// group has failed, tells more than what the step made of that. A panic stays.
func reason(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	switch {
	case errors.As(err, new(*PanicError)):
		return err
	case errors.Is(cause, steps.ErrTimeout), errors.Is(cause, steps.ErrGroupFailed) && errors.Is(err, context.Canceled):
		return &causedError{cause, err}
	default:
		return err
	}
}

// causedError says why a step's context ended, and holds what the step returned.
type causedError struct{ cause, err error }

func (e *causedError) Error() string   { return e.cause.Error() }
func (e *causedError) Unwrap() []error { return []error{e.cause, e.err} }

// checkOutput reports why an output cannot be recorded.
func (r *run) checkOutput(output json.RawMessage) error {
	if output == nil {
		return nil
	}
	if err := checkJSON(output, r.worker.Limits.Output); err != nil {
		return fmt.Errorf("its output %w", err)
	}
	if size := r.sizeWith(len(output)); size > r.worker.Limits.Data {
		return fmt.Errorf("with its output of %d bytes the job's data would have %d, more than the bound of %d: store it elsewhere and keep its address",
			len(output), size, r.worker.Limits.Data)
	}
	return nil
}

// failed records a failed attempt. It returns nil if another one is to follow,
// or how the run ends. Somebody's decision from outside has none follow.
func (r *run) failed(ctx context.Context, i int, err error, again bool) *ending {
	if errors.Is(context.Cause(ctx), steps.ErrGroupFailed) && !errors.Is(err, steps.ErrGroupFailed) {
		err = fmt.Errorf("%w: %w", steps.ErrGroupFailed, err) // in whatever way it says that its context has ended
	}
	e := r.afterStep(i, err)
	if e.status != model.Failed || !again || ctx.Err() != nil || r.decided() || !r.postpone(i) {
		return &e
	}
	return nil
}

// afterStep records a step that returned an error, and says how the run ends.
func (r *run) afterStep(i int, err error) ending {
	name := r.plan.Steps[i].Name
	end := r.afterError(name, err)
	r.edit(func() {
		status := model.StepFailed
		switch {
		case end.status == model.Cancelled:
			status = model.StepCancelled
		case end.status == model.Scheduled || errors.Is(err, steps.ErrGroupFailed):
			status = model.StepInterrupted
		}
		record := r.endStep(i, status)
		record.Error = cut(err.Error(), r.worker.Limits.Error)
		if end.status == model.Scheduled {
			record.Attempts-- // being handed over costs none
		}
	})
	return end
}
