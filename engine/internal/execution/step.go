package execution

import (
	"encoding/json"
	"errors"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// performStep runs step i, and returns how the run ends, nil if it continues. begun says
// that the step is already marked as running. next is the step that it has marked as
// running, together with the record of step i, or -1.
func (r *run) performStep(i int, begun bool) (next int, end *ending) {
	output, end := r.attempt(r.ctx, i, begun)
	if end != nil {
		return -1, end
	}
	decided := r.decided()
	now := r.continuation(i)
	switch {
	case now.status == model.StepSkipped:
		return -1, nil
	case now.status == model.StepCompleted: // recorded already, by its transaction or by Verify
	case now.next >= 0 && !decided:
		return r.recordAndBegin(i, output, now.begins)
	default: // recorded with the run's end
		r.edit(func() { r.complete(i, output) })
	}
	switch {
	case now.next < 0:
		e := r.success(output)
		return -1, &e
	case decided:
		return -1, &ending{status: model.Succeeded}
	default:
		return -1, nil
	}
}

// continuation says how a run continues after step i.
type continuation struct {
	status model.StepStatus // of step i
	next   int              // the next step that is not done, -1 if there is none
	begins int              // that step if its begin is written with the record of step i, else -1
}

func (r *run) continuation(i int) continuation {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := continuation{status: r.data.Steps[i].Status, next: plan.Next(r.data.Steps, i), begins: -1}
	if s.next >= 0 && r.beginsWithRecord(s.next) {
		s.begins = s.next
	}
	return s
}

// largeDocument is the document size in bytes above which the begin of a step is not written
// together with the record of the step before, but with the next write, a second later at
// most: for each changed part of a large document a database needs about as long as for the
// whole document.
const largeDocument = 32 << 10

// beginsWithRecord reports whether the begin of a step may be written together with the
// record of the step before, since nothing must happen in between. The lock is held.
func (r *run) beginsWithRecord(i int) bool {
	planned, record := &r.plan.Steps[i], &r.data.Steps[i]
	switch {
	case planned.Waits() || planned.When != nil || planned.Group != nil || record.Retrying() || planned.Verify != nil && record.Status == model.StepInterrupted:
		return false
	default:
		return r.plan.RecordsBegin(i) || r.sizeWith(0) <= largeDocument
	}
}

// recordAndBegin writes a step's record, together with the begin of step next unless that
// is -1, and waits until both are in the database.
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

// beforeStep returns how a run ends that must not continue with step i. If the job is
// cancelled and the step waits for children, the job ends when they have ended.
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
