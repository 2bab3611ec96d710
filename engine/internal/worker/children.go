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

// childrenCheck is how often a job looks after its children, should it not hear
// of their end: the process that was to tell it may have died in between.
const childrenCheck = 20 * time.Second

func (r *run) awaitChildren(i int) (json.RawMessage, *ending) {
	record := r.record(i)
	if record.Status != model.StepWaiting {
		return r.startChildren(i)
	}
	children, err := r.readChildren(r.ctx, record.Children)
	if err != nil { // neither they nor this job have failed: look again
		r.worker.Log.Warn("cannot read a job's children; looking again before long", append(r.attrs(), "error", err)...)
		return nil, r.waitForChildren(i)
	}
	r.addShare(i) // people have seen it: it is not to fall if the step fails
	n := open(children)
	if n == 0 {
		return r.childrenEnded(i, children)
	}
	if until := record.WaitUntil; !until.IsZero() && !r.clock.now().Before(until.Time) {
		return nil, r.fail(i, fmt.Errorf("%w: %d of its %d children have not ended within %v, and go on", steps.ErrTimeout, n, len(children), r.plan.Steps[i].Timeout))
	}
	return nil, r.waitForChildren(i)
}

// waitForChildren is waits, and looks after the children now and then.
func (r *run) waitForChildren(i int) *ending {
	r.addShare(i)
	e := r.waits(i, JobsOf(r.plan.Steps[i].Name, len(r.record(i).Children)))
	if next := model.TimeOf(r.clock.now().Add(childrenCheck)); next.Before(e.wake.at.Time) {
		e.wake.at = next
	}
	return e
}

// JobsOf names for people the jobs that a step has enqueued.
func JobsOf(step string, n int) string {
	if n == 1 {
		return fmt.Sprintf("the job of step %q", step)
	}
	return fmt.Sprintf("the %d jobs of step %q", n, step)
}

// addShare counts how far the step's children are as its own progress.
func (r *run) addShare(i int) {
	r.edit(func() { r.tracker.Set(r.data.Steps[i].Name, r.childrenShare, "") })
}

// child is a job that a step has enqueued; its row is nil if that is gone.
type child struct {
	id  uuid.UUID
	job *model.Job
}

// open reports whether the child is going to run, or runs.
func (c child) open() bool {
	return c.job != nil && !c.job.Status.Ended() && c.job.DeletedAt.IsZero()
}

// open counts the children that have not ended.
func open(children []child) (n int) {
	for _, c := range children {
		if c.open() {
			n++
		}
	}
	return n
}

// readChildren reads the children, and how far they are together.
func (r *run) readChildren(ctx context.Context, ids []uuid.UUID) ([]child, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.worker.Owner.Lease)
	defer cancel()
	jobs, err := r.worker.Store.ByIDs(ctx, r.worker.Store.DB(), ids)
	if err != nil {
		return nil, err
	}
	children, sum := make([]child, len(ids)), 0.0
	for k, id := range ids {
		children[k] = child{id: id, job: jobs[id]}
		if j := jobs[id]; j != nil {
			sum += j.Progress
		}
	}
	r.childrenShare = sum / float64(len(ids))
	return children, nil
}

// startChildren enqueues the step's jobs, or has those go on that an earlier
// attempt has left without success.
func (r *run) startChildren(i int) (json.RawMessage, *ending) {
	if children := r.record(i).Children; len(children) > 0 {
		return nil, r.resumeChildren(i, children)
	}
	jobs, err := r.makeChildren(i)
	r.waitUntilTimeout(i)
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

// waitUntilTimeout marks the step as waiting, as long as its timeout says.
func (r *run) waitUntilTimeout(i int) {
	var until model.Time
	if limit := r.plan.Steps[i].Timeout; limit > 0 {
		until = bounded(r.clock.now().Add(limit))
	}
	r.startWaiting(i, until)
	r.childrenShare = 0 // it may be that of an earlier step's
}

// makeChildren asks the step for its children, and makes jobs of them. Nothing
// is written.
func (r *run) makeChildren(i int) ([]*model.Job, error) {
	planned := &r.plan.Steps[i]
	session := newSession(r, planned.Name)
	defer session.close()
	var wanted []steps.Child
	err := guard(func() (err error) {
		wanted, err = planned.Children(r.ctx, session)
		return err
	})
	if err != nil {
		return nil, err
	}
	jobs, results := make([]*model.Job, len(wanted)), make([]steps.ChildResult, len(wanted))
	for n, c := range wanted {
		if err := guard(func() (err error) { jobs[n], err = r.newChild(c); return err }); err != nil {
			return nil, fmt.Errorf("child %d: %w", n+1, err)
		}
		results[n] = steps.ChildResult{ID: jobs[n].ID, Type: jobs[n].Type, Status: model.Succeeded}
	}
	// What is certain to be too large is refused before anything runs.
	if err := r.checkOutput(mustJSON(results)); err != nil {
		return nil, fmt.Errorf("it has %d children: %w", len(jobs), err)
	}
	return jobs, nil
}

func (r *run) newChild(c steps.Child) (*model.Job, error) {
	if c.Input == nil {
		return nil, errors.New("its input is nil")
	}
	if t := c.Input.JobType(); t == r.job.Type {
		return nil, fmt.Errorf("it is of type %q like its parent, and a type's jobs run one at a time: give it a type of its own", t)
	}
	j, err := r.worker.Jobs.New(c.Input, c.Name)
	if err != nil {
		return nil, err
	}
	parent := r.job.ID
	j.ParentID, j.Role, j.Email = &parent, r.job.Role, r.job.Email
	return j, nil
}

// resumeChildren has those children go on that have ended without success. That
// the run is to end meanwhile stops it no more: they are cancelled together.
func (r *run) resumeChildren(i int, children []uuid.UUID) *ending {
	r.waitUntilTimeout(i)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), r.worker.Owner.Lease)
	defer cancel()
	for _, id := range children {
		if err := r.worker.Jobs.Resume(ctx, id); err != nil {
			return r.fail(i, fmt.Errorf("resume its child %s: %w", id, err))
		}
	}
	return r.waitForChildren(i)
}

// childrenEnded completes the step with its children's results, or fails it.
func (r *run) childrenEnded(i int, children []child) (json.RawMessage, *ending) {
	failed := []error{}
	for _, c := range children {
		if err := c.failure(); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 && !r.plan.Steps[i].AllowFailures {
		return nil, r.fail(i, fmt.Errorf("%d of its %d children did not succeed: %w", len(failed), len(children), errors.Join(failed...)))
	}
	output, err := r.childrenOutput(children)
	if err != nil {
		return nil, r.fail(i, err)
	}
	return output, nil
}

// childrenOutput is the children's results. Where they are too large together,
// what the children's own rows have is left out.
func (r *run) childrenOutput(children []child) (output json.RawMessage, err error) {
	results := make([]steps.ChildResult, len(children))
	for k, c := range children {
		results[k] = c.result()
	}
	for _, leave := range []func(*steps.ChildResult){
		func(*steps.ChildResult) {},
		func(result *steps.ChildResult) { result.Result = nil },
		func(result *steps.ChildResult) { result.Error = "" },
	} {
		for k := range results {
			leave(&results[k])
		}
		output = mustJSON(results)
		if err = r.checkOutput(output); err == nil {
			return output, nil
		}
	}
	return nil, err
}

// result is how the child has ended, for the parent's step.
func (c child) result() steps.ChildResult {
	if c.job == nil {
		return steps.ChildResult{ID: c.id, Status: model.Cancelled, Error: "its row is gone"}
	}
	result := steps.ChildResult{ID: c.id, Type: c.job.Type, Status: c.job.Status, Error: c.job.Error}
	if data, err := model.ParseData(c.job.Data); err == nil {
		result.Result = data.Result
	}
	if !c.job.Status.Ended() { // it will not run any more
		result.Status, result.Error = model.Cancelled, "it was deleted"
	}
	return result
}

// failure says why the child has not succeeded, nil if it has.
func (c child) failure() error {
	result := c.result()
	switch {
	case result.Status == model.Succeeded:
		return nil
	case c.job == nil || !c.job.Status.Ended():
		return fmt.Errorf("job %s: %s; to enqueue the step's jobs anew, resume from it", c.id, result.Error)
	case result.Status == model.Cancelled && c.job.CancelledBy != "":
		return fmt.Errorf("job %s of type %q was cancelled by %s", c.id, result.Type, c.job.CancelledBy)
	case result.Error == "":
		return fmt.Errorf("job %s of type %q is %s", c.id, result.Type, result.Status)
	default:
		return fmt.Errorf("job %s of type %q is %s: %s", c.id, result.Type, result.Status, result.Error)
	}
}

// waitForCancelled is how the run of a cancelled job ends whose step i waits for
// children that are still to end; nil if there are none.
func (r *run) waitForCancelled(i int) *ending {
	record := r.record(i)
	if record.Status != model.StepWaiting || len(record.Children) == 0 {
		return nil
	}
	// The run's context has ended; the children are cancelled all the same.
	ctx := context.WithoutCancel(r.ctx)
	children, err := r.readChildren(ctx, record.Children)
	if err == nil && open(children) == 0 {
		return nil
	}
	for _, c := range children {
		if c.open() {
			r.cancelChild(ctx, c)
		}
	}
	e := r.waitForChildren(i)
	e.wake.cancelled = true
	return e
}

func (r *run) cancelChild(ctx context.Context, c child) {
	ctx, cancel := context.WithTimeout(ctx, r.worker.Owner.Lease)
	defer cancel()
	if err := r.worker.Jobs.Cancel(ctx, c.id, r.job.CancelledBy, r.job.CancelReason); err != nil {
		r.worker.Log.Warn("cannot cancel a child of a cancelled job; trying again before long", append(r.attrs(), "child", c.id, "error", err)...)
	}
}
