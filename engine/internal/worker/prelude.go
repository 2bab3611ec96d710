package worker

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// prelude sees to what comes before a step's first attempt in this run: whether
// it is to run, and what became of an attempt that was cut short. It reports
// whether the step is done with that.
func (r *run) prelude(ctx context.Context, i int) (done bool, end *ending) {
	planned, record := &r.plan.Steps[i], r.record(i)
	cutShort := record.Status == model.StepInterrupted
	switch {
	case planned.When != nil && (record.Attempts == 0 || record.Status == model.StepPending) && !cutShort:
		return r.passOver(i)
	case planned.Verify != nil && cutShort:
		return r.verify(ctx, i)
	default:
		return false, nil
	}
}

// passOver skips a step that is not to run.
func (r *run) passOver(i int) (skipped bool, end *ending) {
	planned := &r.plan.Steps[i]
	session := newSession(r, planned.Name)
	defer session.close()
	wanted := false
	err := guard(func() error { wanted = planned.When(session); return nil })
	switch {
	case err != nil:
		return false, r.unasked(i, fmt.Errorf("decide whether it runs: %w", err))
	case wanted:
		return false, nil
	}
	// Later steps rely on it: it is recorded before they begin.
	if err := r.change(func() { r.skip(i, planned.WhenWhy) }); err != nil {
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

// verify completes a step whose effect happened though its attempt was cut
// short.
func (r *run) verify(ctx context.Context, i int) (happened bool, end *ending) {
	planned := &r.plan.Steps[i]
	ctx, cancel := limited(ctx, planned)
	defer cancel()
	session := newSession(r, planned.Name)
	defer session.close()
	var output json.RawMessage
	err := guard(func() (err error) {
		output, happened, err = planned.Verify(ctx, session)
		return err
	})
	if err == nil {
		err = r.checkOutput(output)
	}
	switch {
	case err != nil:
		return false, r.unasked(i, fmt.Errorf("verify whether its effect happened: %w", reason(ctx, err)))
	case !happened:
		return false, nil
	}
	err = r.change(func() {
		took := r.data.Steps[i].DurationMS // the attempt, and not the time since
		r.complete(i, output)
		r.data.Steps[i].DurationMS = took
	})
	if err != nil {
		e := r.afterError(planned.Name, err)
		return false, &e
	}
	return true, nil
}

// unasked ends the run because it could not be found out whether a step is to
// run. That is no attempt of it, and the next run asks again.
func (r *run) unasked(i int, err error) *ending {
	e := r.afterError(r.plan.Steps[i].Name, err)
	if e.status != model.Failed {
		return &e
	}
	r.edit(func() {
		record := &r.data.Steps[i]
		record.Error = cut(err.Error(), r.worker.Limits.Error)
		if record.Status != model.StepInterrupted {
			record.Status = model.StepFailed
		}
		r.changed[i], r.moved = true, true
	})
	return &e
}
