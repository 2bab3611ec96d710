package execution

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// waits returns the ending of a run whose step i waits.
func (r *run) waits(i int) *ending { return r.waitsFor(r.record(i)) }

// waitsFor returns the ending of a run that waits for what a record says.
func (r *run) waitsFor(record model.StepRecord) *ending {
	at := record.WaitUntil
	if at.IsZero() {
		at = model.MaxTime()
	}
	return &ending{status: model.Scheduled, wake: wake{at: at, why: plan.WaitsFor(record)}}
}

// timeout returns the time until which a step waits that begins to wait now, the zero time
// for no limit.
func (r *run) timeout(i int) (until model.Time) {
	if limit := r.plan.Steps[i].Timeout; limit > 0 {
		until = plan.Deadline(r.clock.now().Add(limit))
	}
	return until
}

// timedOut reports whether a step has waited until its timeout.
func (r *run) timedOut(record model.StepRecord) bool {
	return !record.WaitUntil.IsZero() && !r.clock.now().Before(record.WaitUntil.Time)
}

// sleep waits for a time: either it is over, or the run ends to wait.
func (r *run) sleep(i int) (json.RawMessage, *ending) {
	planned := &r.plan.Steps[i]
	if r.record(i).Status != model.StepWaiting {
		var d time.Duration
		var until time.Time
		err := plan.Guard(func() (err error) {
			d, until, err = planned.Sleep(newSession(r, planned.Name))
			return err
		})
		if err == nil && until.IsZero() {
			until = r.clock.now().Add(d)
		}
		r.edit(func() { r.beginWait(i, plan.Deadline(until)) })
		if err != nil {
			return nil, r.fail(i, err)
		}
	}
	if r.clock.now().Before(r.record(i).WaitUntil.Time) {
		return nil, r.waits(i)
	}
	return nil, nil
}

// awaitSignal waits for the step's signal: either it has arrived, or the run ends to wait.
func (r *run) awaitSignal(i int) (json.RawMessage, *ending) {
	planned := &r.plan.Steps[i]
	if r.record(i).Status != model.StepWaiting {
		until := r.timeout(i)
		r.edit(func() { // in one: a record that waits says for what
			r.beginWait(i, until)
			r.data.Steps[i].Awaits = planned.Name
		})
	}
	r.edit(func() { // the step may have been renamed since it began to wait
		record := &r.data.Steps[i]
		record.Awaits, r.changes.records[i] = planned.Name, r.changes.records[i] || record.Awaits != planned.Name
	})
	// A signal that came after the deadline is none: whenever an engine looks, both
	// times are the database's.
	until := r.record(i).WaitUntil
	if signal := planned.SignalFor(r.signals); signal != nil && (until.IsZero() || !signal.SentAt.After(until.Time)) {
		return r.useSignal(i, signal)
	}
	if r.timedOut(r.record(i)) {
		return nil, r.fail(i, fmt.Errorf("%w: no signal came within %v", plan.ErrTimeout, planned.Timeout))
	}
	e := r.waits(i)
	e.wake.signal = true
	return nil, e
}

// useSignal returns a signal's payload as the step's output. It records which signal was
// used, so that a resume waits for another one if the payload does not fit.
func (r *run) useSignal(i int, signal *model.Signal) (json.RawMessage, *ending) {
	r.edit(func() {
		record := &r.data.Steps[i]
		record.Awaits, record.SentBy, record.SentAt, r.changes.records[i] = signal.Name, signal.SentBy, signal.SentAt, true
	})
	var output json.RawMessage
	err := r.plan.Steps[i].CheckPayload(signal)
	if err != nil {
		err = fmt.Errorf("the payload of its signal does not fit (resume the job and send another one): %w", err)
	} else {
		r.edit(func() { output, err = r.keepOutput(signal.Payload) })
	}
	if err != nil {
		return nil, r.fail(i, err)
	}
	return output, nil
}
