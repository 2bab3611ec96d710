package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	// cancelled says that the job is cancelled already, and waits for its
	// children to end before it does.
	cancelled bool
}

// forever is when a job is due that waits for something without a time.
var forever = model.At(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))

// childrenCheck is how often a job looks after its children, should it not hear
// of their end.
const childrenCheck = time.Minute

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
		at = forever
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
		r.startWaiting(i, model.At(until))
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
			until = model.At(r.clock.now().Add(planned.Timeout))
		}
		r.startWaiting(i, until)
		r.edit(func() { r.data.Steps[i].Awaits = planned.Name })
	}
	if signal := r.signal(planned); signal != nil {
		r.edit(func() { r.data.Steps[i].SentBy = signal.SentBy })
		if _, err := planned.Read(signal.Payload, planned.Version); err != nil {
			return nil, r.fail(i, fmt.Errorf("the payload of its signal %w", err))
		}
		if err := r.checkOutput(signal.Payload); err != nil {
			return nil, r.fail(i, err)
		}
		return signal.Payload, nil
	}
	if until := r.record(i).WaitUntil; !until.IsZero() && !r.clock.now().Before(until.Time) {
		return nil, r.fail(i, fmt.Errorf("%w: no signal came within %v", steps.ErrTimeout, planned.Timeout))
	}
	return nil, r.waits(i, fmt.Sprintf("the signal %q", planned.Name))
}

// signal is the one that a step waits for, sent under its name or an older one;
// nil if it has not come.
func (r *run) signal(planned *steps.PlannedStep) *model.Signal {
	for _, name := range append([]string{planned.Name}, planned.Was...) {
		if signal := r.signals.Find(name); signal != nil {
			return signal
		}
	}
	return nil
}

func (r *run) awaitChildren(i int) (json.RawMessage, *ending) {
	planned, record := &r.plan.Steps[i], r.record(i)
	if record.Status != model.StepWaiting {
		return r.startChildren(i)
	}
	children, err := r.readChildren(record.Children)
	if err != nil {
		return nil, r.fail(i, err)
	}
	if open(children) == 0 {
		return r.childrenEnded(i, children)
	}
	if planned.Timeout > 0 && r.clock.now().Sub(record.StartedAt.Time) >= planned.Timeout {
		return nil, r.fail(i, fmt.Errorf("%w: %d of %d children have not ended within %v", steps.ErrTimeout, open(children), len(record.Children), planned.Timeout))
	}
	return nil, r.waitForChildren(i)
}

// waitForChildren is waits, and looks after the children now and then.
func (r *run) waitForChildren(i int) *ending {
	r.edit(func() {
		record := &r.data.Steps[i]
		record.WaitUntil = model.At(r.clock.now().Add(childrenCheck))
		r.changed[i] = true
		r.tracker.Set(record.Name, r.childrenShare, "")
	})
	return r.waits(i, fmt.Sprintf("the %d jobs of step %q", len(r.record(i).Children), r.plan.Steps[i].Name))
}

// open counts the jobs that have not ended.
func open(jobs []*model.Job) (n int) {
	for _, j := range jobs {
		if !j.Status.Ended() && j.DeletedAt.IsZero() {
			n++
		}
	}
	return n
}

func (r *run) readChildren(children []uuid.UUID) ([]*model.Job, error) {
	if len(children) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(r.ctx, r.worker.Owner.Lease)
	defer cancel()
	jobs, err := r.worker.Store.ByIDs(ctx, r.worker.Store.DB(), children)
	if err != nil {
		return nil, fmt.Errorf("read its children: %w", err)
	}
	sum := 0.0
	for _, j := range jobs {
		share := j.Progress
		if j.Status.Ended() {
			share = 1
		}
		sum += share
	}
	r.childrenShare = sum / float64(len(children))
	return jobs, nil
}

// startChildren enqueues the step's jobs, or has those go on that an earlier
// attempt has left without success.
func (r *run) startChildren(i int) (json.RawMessage, *ending) {
	planned, record := &r.plan.Steps[i], r.record(i)
	if len(record.Children) > 0 {
		return nil, r.resumeChildren(i, record.Children)
	}
	var wanted []steps.Child
	session := newSession(r, planned.Name)
	err := guard(func() (err error) {
		wanted, err = planned.Children(r.ctx, session)
		return err
	})
	session.close()
	jobs := make([]*model.Job, 0, len(wanted))
	for n, child := range wanted {
		if err != nil {
			break
		}
		var j *model.Job
		if j, err = r.newChild(child); err != nil {
			err = fmt.Errorf("child %d: %w", n+1, err)
		}
		jobs = append(jobs, j)
	}
	r.startWaiting(i, model.Time{})
	if err != nil {
		return nil, r.fail(i, err)
	}
	r.edit(func() {
		for _, j := range jobs {
			r.data.Steps[i].Children = append(r.data.Steps[i].Children, j.ID)
		}
	})
	if len(jobs) == 0 {
		return r.childrenEnded(i, nil)
	}
	e := r.waitForChildren(i)
	e.wake.children = jobs
	return nil, e
}

func (r *run) newChild(child steps.Child) (*model.Job, error) {
	if child.Input == nil {
		return nil, errors.New("its input is nil")
	}
	if t := child.Input.JobType(); t == r.job.Type {
		return nil, fmt.Errorf("it is of type %q like its parent, which would wait for its own type: give it another type", t)
	}
	j, err := r.worker.Jobs.New(child.Input, child.Name)
	if err != nil {
		return nil, err
	}
	parent := r.job.ID
	j.ParentID = &parent
	return j, nil
}

func (r *run) resumeChildren(i int, children []uuid.UUID) *ending {
	r.startWaiting(i, model.Time{})
	ctx, cancel := context.WithTimeout(r.ctx, r.worker.Owner.Lease)
	defer cancel()
	for _, id := range children {
		if err := r.worker.Jobs.Resume(ctx, id); err != nil {
			return r.fail(i, fmt.Errorf("resume its child %s: %w", id, err))
		}
	}
	return r.waitForChildren(i)
}

// childrenEnded completes the step with its children's results, or fails it.
func (r *run) childrenEnded(i int, children []*model.Job) (json.RawMessage, *ending) {
	results, failed := []steps.ChildResult{}, []error{}
	for _, j := range children {
		result := steps.ChildResult{ID: j.ID, Type: j.Type, Status: j.Status, Error: j.Error}
		if data, err := model.ParseData(j.Data); err == nil {
			result.Result = data.Result
		}
		results = append(results, result)
		if j.Status != model.Succeeded {
			failed = append(failed, fmt.Errorf("job %s of type %q is %s: %s", j.ID, j.Type, j.Status, j.Error))
		}
	}
	if len(failed) > 0 && !r.plan.Steps[i].AllowFailures {
		return nil, r.fail(i, fmt.Errorf("%d of its %d children did not succeed: %w", len(failed), len(children), errors.Join(failed...)))
	}
	output := mustJSON(results)
	if err := r.checkOutput(output); err != nil {
		return nil, r.fail(i, err)
	}
	return output, nil
}

// waitForCancelled is how the run of a cancelled job ends whose step i waits for
// children that are still to end; nil if there are none.
func (r *run) waitForCancelled(i int) *ending {
	record := r.record(i)
	if record.Status != model.StepWaiting || len(record.Children) == 0 {
		return nil
	}
	// The run's context has ended; the children are cancelled all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), r.worker.Owner.Lease)
	defer cancel()
	children, err := r.worker.Store.ByIDs(ctx, r.worker.Store.DB(), record.Children)
	if err != nil || open(children) == 0 {
		return nil //nolint:nilerr // they were told; the job need not wait for what it cannot see
	}
	for _, j := range children {
		if err := r.worker.Jobs.Cancel(ctx, j.ID, r.job.CancelledBy, r.job.CancelReason); err != nil {
			r.worker.Log.Warn("cannot cancel a child of a cancelled job", append(r.attrs(), "child", j.ID, "error", err)...)
		}
	}
	e := r.waitForChildren(i)
	e.wake.cancelled = true
	return e
}

// afterEnd tells whoever waits for what has just ended.
func (r *run) afterEnd(e ending) {
	if len(e.wake.children) > 0 {
		types := make([]string, len(e.wake.children))
		for i, j := range e.wake.children {
			types[i] = j.Type
		}
		r.worker.Due(types...)
	}
	if e.status.Ended() && r.job.ParentID != nil {
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
