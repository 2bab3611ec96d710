package execution

import (
	"encoding/json"
	"errors"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// performStep runs step i, and returns how the run ends if it does not continue.
// begun says that the step is marked as running; so is next then, unless it is -1.
func (r *run) performStep(i int, begun bool) (next int, end *ending) {
	output, end := r.attempt(r.ctx, i, begun)
	if end != nil {
		return -1, end
	}
	now := r.standing(i)
	switch {
	case now.status == model.StepSkipped:
		return -1, nil
	case now.status == model.StepCompleted: // recorded already, by its transaction or by being verified
	case now.next >= 0 && !now.decided:
		return r.recordAndBegin(i, output, now.begins)
	default: // recorded with the run's end
		r.edit(func() { r.complete(i, output) })
	}
	switch {
	case now.next < 0:
		e := r.success(output)
		return -1, &e
	case now.decided:
		return -1, &ending{status: model.Succeeded}
	default:
		return -1, nil
	}
}

// standing is how far a run is when step i has returned.
type standing struct {
	status  model.StepStatus // of the step
	next    int              // the next step that is not done, -1 if there is none
	begins  int              // that step if it begins with the record of this one, else -1
	decided bool             // it was decided from outside how the run ends
}

func (r *run) standing(i int) standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := standing{status: r.data.Steps[i].Status, next: plan.Next(r.data.Steps, i), begins: -1, decided: r.decision != nil}
	if s.next >= 0 && r.beginsWithRecord(s.next) {
		s.begins = s.next
	}
	return s
}

// largeDocument is the size from which on a step's begin is not written with the
// record of the one before, but with what is written next, a second later at
// most: a database takes about as long for each part of a large document that
// changes as for the whole.
const largeDocument = 32 << 10

// beginsWithRecord reports whether a step may begin with the record of the one before:
// there is nothing to do in between. The lock is held.
func (r *run) beginsWithRecord(i int) bool {
	planned, record := &r.plan.Steps[i], &r.data.Steps[i]
	switch {
	case planned.Waits() || planned.When != nil || planned.Group != nil || record.Retrying() || planned.Verify != nil && record.Status == model.StepInterrupted:
		return false
	default:
		return r.plan.RecordsBegin(i) || r.sizeWith(0) <= largeDocument
	}
}

// recordAndBegin waits until a step's record is in the database, together with the
// begin of step next unless that is -1.
func (r *run) recordAndBegin(i int, output json.RawMessage, next int) (begun int, end *ending) {
	err := r.write(func() {
		r.complete(i, output)
		if next >= 0 {
			r.begin(next)
		}
	})
	if err != nil {
		e := r.afterError(r.plan.Steps[i].Name, err)
		return -1, &e
	}
	return next, nil
}

// beforeStep says how a run ends that may not continue with step i. A cancelled job
// whose step waits for children ends when they have.
func (r *run) beforeStep(i int, err error) ending {
	if errors.Is(err, plan.ErrCancelled) {
		if e := r.waitForCancelled(i); e != nil {
			return *e
		}
		r.edit(func() {
			if r.data.Steps[i].Status == model.StepWaiting {
				plan.End(&r.data.Steps[i], model.StepCancelled, r.clock.now())
				r.changes.record(i)
			}
		})
	}
	return r.afterError("", err)
}
