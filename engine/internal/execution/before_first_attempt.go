package execution

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// beforeFirstAttempt calls a step's When or Verify before its first attempt in this run. It
// reports whether the step is done with that: skipped, or verified as completed.
func (r *run) beforeFirstAttempt(ctx context.Context, i int) (done bool, end *ending) {
	planned, record := &r.plan.Steps[i], r.record(i)
	cutShort := record.Status == model.StepInterrupted
	switch {
	case planned.When != nil && (record.Attempts == 0 || record.Status == model.StepPending) && !cutShort:
		return r.evaluateWhen(i)
	case planned.Verify != nil && cutShort:
		return r.verify(ctx, i)
	default:
		return false, nil
	}
}

// evaluateWhen calls the step's When, and skips the step if it returns false.
func (r *run) evaluateWhen(i int) (skipped bool, end *ending) {
	planned := &r.plan.Steps[i]
	session := newSession(r, planned.Name)
	defer session.close()
	wanted := false
	err := plan.Guard(func() error { wanted = planned.When(session); return nil })
	switch {
	case err != nil:
		return false, r.conditionFailed(i, fmt.Errorf("decide whether it runs: %w", err))
	case wanted:
		return false, nil
	}
	// Later steps depend on it, so it must be in the database before they begin.
	if err := r.write(func() { r.skip(i, planned.WhenWhy) }); err != nil {
		e := r.afterError(planned.Name, err)
		return false, &e
	}
	return true, nil
}

// verify calls the step's Verify after an attempt that was cut short, and completes the step
// if its effect has happened.
func (r *run) verify(ctx context.Context, i int) (happened bool, end *ending) {
	planned := &r.plan.Steps[i]
	ctx, cancel := withTimeout(ctx, planned)
	defer cancel()
	session := newSession(r, planned.Name)
	defer session.close()
	var output json.RawMessage
	err := plan.Guard(func() (err error) {
		output, happened, err = planned.Verify(ctx, session)
		return err
	})
	if err == nil {
		r.edit(func() { output, err = r.keepOutput(output) })
	}
	switch {
	case err != nil:
		return false, r.conditionFailed(i, fmt.Errorf("verify whether its effect happened: %w", plan.WithReason(ctx, err)))
	case !happened:
		return false, nil
	}
	err = r.write(func() {
		duration := r.data.Steps[i].DurationMS // of the attempt, without the time since
		r.complete(i, output)
		r.data.Steps[i].DurationMS = duration
	})
	if err != nil {
		e := r.afterError(planned.Name, err)
		return false, &e
	}
	return true, nil
}

// conditionFailed ends the run because a When or Verify failed, so that it is not known
// whether the step must run.
func (r *run) conditionFailed(i int, err error) *ending {
	e := r.afterError(r.plan.Steps[i].Name, err)
	if e.status != model.Failed {
		return &e
	}
	r.edit(func() {
		plan.ConditionFailed(&r.data.Steps[i], r.cut(err.Error()))
		r.changes.record(i)
	})
	return &e
}
