package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// attempt gets a step done, however many attempts that takes, and returns its
// output; or how the run ends instead. A step that was skipped, or that a
// transaction has recorded, is marked so.
func (r *run) attempt(ctx context.Context, i int, begun bool) (json.RawMessage, *ending) {
	planned := &r.plan.Steps[i]
	if !begun {
		switch done, e := r.prelude(i); {
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
			if e := r.beginStep(i); e != nil {
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

// prelude sees to what comes before a step's first attempt in this run: whether
// it is to run, and what became of an attempt that was cut short.
func (r *run) prelude(i int) (done bool, end *ending) {
	planned, record := &r.plan.Steps[i], r.record(i)
	fails := func(err error) (bool, *ending) {
		r.edit(func() { r.begin(i) })
		e := r.afterStep(i, err)
		return false, &e
	}
	if planned.When != nil && record.Status == model.StepPending {
		wanted := false
		if err := guard(func() error { wanted = planned.When(newSession(r, planned.Name)); return nil }); err != nil {
			return fails(fmt.Errorf("decide whether it runs: %w", err))
		}
		if !wanted {
			r.edit(func() { r.skip(i, planned.WhenWhy) })
			return true, nil
		}
	}
	if record.Status != model.StepInterrupted || planned.Verify == nil {
		return false, nil
	}
	var output json.RawMessage
	happened := false
	session := newSession(r, planned.Name)
	err := guard(func() (err error) {
		output, happened, err = planned.Verify(r.ctx, session)
		return err
	})
	session.close()
	switch {
	case err != nil:
		return fails(fmt.Errorf("verify whether its effect happened: %w", err))
	case !happened:
		return false, nil
	}
	if err := r.checkOutput(output); err != nil {
		return fails(err)
	}
	if err := r.change(func() { r.begin(i); r.complete(i, output) }); err != nil {
		e := r.afterError(planned.Name, err)
		return false, &e
	}
	return true, nil
}

// skip marks a step as passed over. The lock is held.
func (r *run) skip(i int, why string) {
	record := &r.data.Steps[i]
	record.Status, record.Error, record.FinishedAt = model.StepSkipped, cut(why, r.worker.Limits.Error), r.clock.now()
	r.changed[i], r.moved = true, true
	r.done(i)
}

// beginStep marks a step as running; where the begin of an attempt decides what
// becomes of the job, it waits until that is recorded.
func (r *run) beginStep(i int) *ending {
	planned := &r.plan.Steps[i]
	counts := planned.StopOnCrash || planned.Verify != nil || planned.Retries.Attempts > 1 || r.plan.ResumeOnCrash > 0
	if !counts {
		r.edit(func() { r.begin(i) })
		return nil
	}
	if err := r.change(func() { r.begin(i) }); err != nil {
		e := r.afterError(planned.Name, err)
		return &e
	}
	if err := r.interruption(); err != nil {
		r.unbegin(i)
		e := r.afterError("", err)
		return &e
	}
	return nil
}

// call runs the step once, in a goroutine of its own so that one which ends its
// goroutine ends nothing else, and checks its output. again says that its error
// is worth another attempt.
func (r *run) call(ctx context.Context, i int) (output json.RawMessage, again bool, err error) {
	planned := &r.plan.Steps[i]
	if planned.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, planned.Timeout, fmt.Errorf("%w after %v", steps.ErrTimeout, planned.Timeout))
		defer cancel()
	}
	session := newSession(r, planned.Name)
	defer session.close()
	if planned.Tx != nil {
		return r.callInTx(ctx, i, session)
	}
	again = true // a panic is an error like others
	err = guard(func() (err error) {
		if output, err = planned.Run(ctx, session); err != nil {
			again = planned.Retries.Worth(err)
		}
		return err
	})
	if err != nil {
		return nil, again, r.reason(ctx, err)
	}
	if err := r.checkOutput(output); err != nil {
		return nil, false, err
	}
	return output, false, nil
}

// reason is a step's error, and why its context ended if it did by its own time.
func (r *run) reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, steps.ErrTimeout) {
		return cause
	}
	return err
}

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

// failed records a failed attempt. It returns nil after the delay before the
// next one, or how the run ends.
func (r *run) failed(ctx context.Context, i int, err error, again bool) *ending {
	e := r.afterStep(i, err)
	if e.status != model.Failed || !again || ctx.Err() != nil {
		return &e
	}
	delay, ok := time.Duration(0), false
	r.edit(func() {
		record := &r.data.Steps[i]
		record.Failures++
		if delay, ok = r.plan.Steps[i].Retries.Delay(record.Failures); !ok {
			return
		}
		record.Status, record.WaitUntil = model.StepWaiting, model.At(r.clock.now().Add(delay))
	})
	switch {
	case !ok:
		return &e
	case delay > r.worker.RetryInPlace && r.plan.Steps[i].Group == nil:
		return &ending{status: model.Scheduled, wake: wake{at: r.record(i).WaitUntil, why: fmt.Sprintf("step %q to be tried again", r.plan.Steps[i].Name)}}
	}
	r.worker.mark(r)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
	case <-r.stopping:
	}
	// What ends the run now leaves the attempts that have failed as they are.
	why := r.interruption()
	if why == nil {
		why = context.Cause(ctx)
	}
	end := r.afterError(r.plan.Steps[i].Name, why)
	r.edit(func() {
		record := &r.data.Steps[i]
		record.WaitUntil, record.Status = model.Time{}, model.StepFailed
		if end.status == model.Cancelled {
			record.Status = model.StepCancelled
		}
	})
	return &end
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
