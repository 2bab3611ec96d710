package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// wake is when and why a job goes on that waits, and the jobs that are enqueued
// with that.
type wake struct {
	at       model.Time
	why      string
	children []*model.Job
	// signal says that the job waits for one: if another has come by the time
	// this is written, it is due at once.
	signal bool
	// cancelled says that the job is cancelled already, and waits for its
	// children to end before it does.
	cancelled bool
}

// heard is the number of signals that the run has seen, beyond which another
// one has it go on.
func (w wake) heard(signals model.Signals) int {
	if !w.signal {
		return math.MaxInt32
	}
	return len(signals)
}

// bounded is a time that every database and JSON can hold.
func bounded(t time.Time) model.Time {
	switch last := model.MaxTime(); {
	case t.After(last.Time):
		return last
	case t.Before(time.Unix(0, 0)):
		return model.TimeOf(time.Unix(0, 0))
	default:
		return model.TimeOf(t)
	}
}

// await sees to a step that waits: it is done, or the run ends to wait.
func (r *run) await(i int) (json.RawMessage, *ending) {
	planned := &r.plan.Steps[i]
	switch {
	case planned.Await:
		return r.awaitSignal(i)
	case planned.Children != nil:
		return r.awaitChildren(i)
	default:
		return r.sleep(i)
	}
}

// startWaiting marks a step as waiting until a time, which stands once it is
// recorded.
func (r *run) startWaiting(i int, until model.Time) {
	r.edit(func() {
		r.begin(i)
		record := &r.data.Steps[i]
		record.Status, record.WaitUntil = model.StepWaiting, until
	})
}

// waits is the ending of a run whose step waits.
func (r *run) waits(i int, why string) *ending {
	at := r.record(i).WaitUntil
	if at.IsZero() {
		at = model.MaxTime()
	}
	return &ending{status: model.Scheduled, wake: wake{at: at, why: why}}
}

// fail ends the run because its step has failed.
func (r *run) fail(i int, err error) *ending {
	e := r.afterStep(i, err)
	return &e
}

func (r *run) sleep(i int) (json.RawMessage, *ending) {
	planned := &r.plan.Steps[i]
	if r.record(i).Status != model.StepWaiting {
		var d time.Duration
		var until time.Time
		err := guard(func() (err error) {
			d, until, err = planned.Sleep(newSession(r, planned.Name))
			return err
		})
		if err == nil && until.IsZero() {
			until = r.clock.now().Add(d)
		}
		r.startWaiting(i, bounded(until))
		if err != nil {
			return nil, r.fail(i, err)
		}
	}
	if r.clock.now().Before(r.record(i).WaitUntil.Time) {
		return nil, r.waits(i, fmt.Sprintf("step %q to end", planned.Name))
	}
	return nil, nil
}

func (r *run) awaitSignal(i int) (json.RawMessage, *ending) {
	planned := &r.plan.Steps[i]
	if r.record(i).Status != model.StepWaiting {
		var until model.Time
		if planned.Timeout > 0 {
			until = bounded(r.clock.now().Add(planned.Timeout))
		}
		r.startWaiting(i, until)
	}
	r.edit(func() { // the step may have had another name when it began to wait
		record := &r.data.Steps[i]
		record.Awaits, r.changed[i] = planned.Name, r.changed[i] || record.Awaits != planned.Name
	})
	if signal := r.signalFor(planned); signal != nil {
		return r.takeSignal(i, signal)
	}
	if until := r.record(i).WaitUntil; !until.IsZero() && !r.clock.now().Before(until.Time) {
		return nil, r.fail(i, fmt.Errorf("%w: no signal came within %v", steps.ErrTimeout, planned.Timeout))
	}
	e := r.waits(i, fmt.Sprintf("the signal %q", planned.Name))
	e.wake.signal = true
	return nil, e
}

// signalFor is the signal of the step's name, or an older one, that had come
// when the job was claimed; nil if there is none.
func (r *run) signalFor(planned *steps.PlannedStep) *model.Signal {
	for _, name := range append([]string{planned.Name}, planned.Was...) {
		if signal := r.signals.Find(name); signal != nil {
			return signal
		}
	}
	return nil
}

// takeSignal makes a signal's payload the step's output. That it was taken is
// recorded, so that a resume asks for another one after a payload that does not
// fit.
func (r *run) takeSignal(i int, signal *model.Signal) (json.RawMessage, *ending) {
	r.edit(func() {
		record := &r.data.Steps[i]
		record.Awaits, record.SentBy, record.SentAt, r.changed[i] = signal.Name, signal.SentBy, signal.SentAt, true
	})
	err := guard(func() error { return r.plan.Steps[i].Accept(signal.Payload) })
	if err != nil {
		err = fmt.Errorf("the payload of its signal does not fit (resume the job and send another one): %w", err)
	} else {
		err = r.checkOutput(signal.Payload)
	}
	if err != nil {
		return nil, r.fail(i, err)
	}
	return signal.Payload, nil
}

// CheckSignal says why a signal cannot be of use to a step of the plan that has its
// name, or had it. A name that is in no plan is not judged: another version may
// have it.
func CheckSignal(plan *steps.Plan, signal *model.Signal) error {
	i := slices.IndexFunc(plan.Steps, func(p steps.PlannedStep) bool { return p.Name == signal.Name || slices.Contains(p.Was, signal.Name) })
	switch {
	case i < 0:
		return nil
	case !plan.Steps[i].Await:
		return fmt.Errorf("step %q does not wait for a signal", plan.Steps[i].Name)
	}
	if err := guard(func() error { return plan.Steps[i].Accept(signal.Payload) }); err != nil {
		return fmt.Errorf("the payload does not fit step %q: %w", plan.Steps[i].Name, err)
	}
	return nil
}

// afterEnd tells whoever waits for what has just ended.
func (r *run) afterEnd(e ending) {
	if e.status == model.Succeeded {
		r.worker.history.succeeded(r.job.Type)
	}
	if len(e.wake.children) > 0 {
		types := make([]string, len(e.wake.children))
		for i, j := range e.wake.children {
			types[i] = j.Type
		}
		r.worker.Due(types...)
	}
	if r.job.ParentID != nil { // a request may have made this a cancelled job, whatever e says
		r.worker.wakeParent(*r.job.ParentID)
	}
	if e.status == model.Scheduled && len(WaitedChildren(r.data)) > 0 {
		r.worker.wakeParent(r.job.ID) // they may have ended before this job began to wait
	}
}

// wakeParent makes a job due whose children have all ended. If that fails, the
// job looks after them by itself before long.
func (w *Worker) wakeParent(parent uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.Background(), w.Owner.Lease)
	defer cancel()
	if err := w.Jobs.WakeParent(ctx, parent); err != nil {
		w.Log.Warn("cannot wake the parent of a job that has ended; it looks by itself", "parent", parent, "error", err)
	}
}
