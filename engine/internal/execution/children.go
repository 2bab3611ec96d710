package execution

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// childrenCheckInterval is how often a job that waits for children checks whether they have
// ended. Normally it is woken at their end, but the process that should wake it may die.
const childrenCheckInterval = 20 * time.Second

// awaitChildren waits for the step's child jobs: either they have ended, or the run ends to
// wait.
func (r *run) awaitChildren(i int) (json.RawMessage, *ending) {
	record := r.record(i)
	if record.Status != model.StepWaiting {
		return r.startChildren(i)
	}
	children, err := r.readChildren(r.ctx, record.Children)
	if err != nil { // no job has failed: try again
		r.Log.Warn("cannot read a job's children; trying again soon", r.with("error", err)...)
		return nil, r.waitForChildren(i)
	}
	r.addShare(i) // so that progress does not fall if the step fails
	n := countOpen(children)
	if late := countLate(children, record.WaitUntil); n == 0 && late > 0 {
		return nil, r.fail(i, fmt.Errorf("%w: %d of its %d children ended after %v", plan.ErrTimeout, late, len(children), r.plan.Steps[i].Timeout))
	}
	if n == 0 {
		return r.childrenEnded(i, children)
	}
	if r.timedOut(record) {
		return nil, r.fail(i, fmt.Errorf("%w: %d of its %d children have not ended within %v, and keep running", plan.ErrTimeout, n, len(children), r.plan.Steps[i].Timeout))
	}
	return nil, r.waitForChildren(i)
}

// waitForChildren returns the ending of a run that waits for the children of step i. The
// job is due again after childrenCheckInterval at the latest.
func (r *run) waitForChildren(i int) *ending {
	r.addShare(i)
	e := r.waits(i)
	e.wake.at = r.nextCheck(e.wake.at)
	return e
}

// nextCheck returns when the children are checked next, which is at the latest at that time.
func (r *run) nextCheck(latest model.Time) model.Time {
	if next := model.TimeOf(r.clock.now().Add(childrenCheckInterval)); next.Before(latest.Time) {
		return next
	}
	return latest
}

// addShare sets the step's progress to that of its children.
func (r *run) addShare(i int) {
	r.edit(func() { r.tracker.Set(r.data.Steps[i].Name, r.childrenShare, "") })
}

// readChildren reads the children, and sets childrenShare to their mean progress.
func (r *run) readChildren(ctx context.Context, ids []uuid.UUID) ([]child, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.Owner.Lease)
	defer cancel()
	jobs, err := r.Store.ByIDs(ctx, r.Store.DB(), ids)
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

// startChildren enqueues the step's jobs. If an earlier attempt has enqueued them, it
// resumes those that have not succeeded.
func (r *run) startChildren(i int) (json.RawMessage, *ending) {
	if children := r.record(i).Children; len(children) > 0 {
		return nil, r.resumeChildren(i, children)
	}
	jobs, err := r.makeChildren(i)
	if err == nil && len(jobs) > 0 {
		return nil, r.enqueueChildren(i, jobs)
	}
	r.beginChildren(i)
	if err != nil {
		return nil, r.fail(i, err)
	}
	return r.childrenEnded(i, nil)
}

// enqueueChildren returns the ending of a run that waits for new children. The step's record
// names them only with that end, which inserts them: no other write comes between.
func (r *run) enqueueChildren(i int, jobs []*model.Job) *ending {
	record := r.record(i)
	for _, j := range jobs {
		record.Children = append(record.Children, j.ID)
	}
	record.WaitUntil = r.timeout(i)
	e := r.waitsFor(record)
	e.wake.at = r.nextCheck(e.wake.at)
	e.wake.children = jobs
	e.wake.begin = func() {
		r.beginWait(i, record.WaitUntil)
		r.data.Steps[i].Children = record.Children
	}
	return e
}

// beginChildren marks the step as waiting until its timeout.
func (r *run) beginChildren(i int) {
	until := r.timeout(i)
	r.edit(func() { r.beginWait(i, until) })
	r.childrenShare = 0 // an earlier step may have set it
}

// makeChildren calls the step's function, and makes jobs of the children that it returns.
// It writes nothing.
func (r *run) makeChildren(i int) ([]*model.Job, error) {
	planned := &r.plan.Steps[i]
	session := newSession(r, planned.Name)
	defer session.close()
	var wanted []plan.Child
	err := plan.Guard(func() (err error) {
		wanted, err = planned.ChildJobs(r.ctx, session)
		return err
	})
	if err != nil {
		return nil, err
	}
	jobs, results := make([]*model.Job, len(wanted)), make([]model.ChildResult, len(wanted))
	for n, c := range wanted {
		if err := plan.Guard(func() (err error) { jobs[n], err = r.newChild(c); return err }); err != nil {
			return nil, fmt.Errorf("child %d: %w", n+1, err)
		}
		results[n] = model.ChildResult{ID: jobs[n].ID, Type: jobs[n].Type, Status: model.Succeeded, Omitted: true}
	}
	// What is certain to be too large is an error before anything runs.
	r.edit(func() { _, err = r.keepOutput(must(json.Marshal(results))) })
	if err != nil {
		return nil, fmt.Errorf("it has %d children: %w", len(jobs), err)
	}
	return jobs, nil
}

func (r *run) newChild(c plan.Child) (*model.Job, error) {
	if c.Input == nil {
		return nil, errors.New("its input is nil")
	}
	if t := c.Input.JobType(); t == r.job.Type {
		return nil, fmt.Errorf("it is of type %q like its parent, and a type's jobs run one at a time: give it a type of its own", t)
	}
	j, err := r.Jobs.New(c.Input, c.Name)
	if err != nil {
		return nil, err
	}
	parent := r.job.ID
	j.ParentID, j.Role, j.Email = &parent, r.job.Role, r.job.Email
	return j, nil
}

// resumeChildren resumes the children that have ended without success. It continues even if
// the run must end meanwhile: the cancel of the job then reaches all of its children.
func (r *run) resumeChildren(i int, children []uuid.UUID) *ending {
	r.beginChildren(i)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), r.Owner.Lease)
	defer cancel()
	for _, id := range children {
		if err := r.Jobs.Resume(ctx, id); err != nil {
			return r.fail(i, fmt.Errorf("resume its child %s: %w", id, err))
		}
	}
	return r.waitForChildren(i)
}

// childrenEnded returns the children's results as the step's output, or ends the run because
// some did not succeed.
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

// childrenOutput returns the children's results. If they are too large together, it leaves
// out the children's results, and if that is not enough, their errors: the children's own
// rows have both.
func (r *run) childrenOutput(children []child) (output json.RawMessage, err error) {
	results := make([]model.ChildResult, len(children))
	for k, c := range children {
		if results[k] = c.result(); !nests(results[k]) {
			omit(&results[k].Result, &results[k])
		}
	}
	for _, leaveOut := range []func(*model.ChildResult){
		func(*model.ChildResult) {},
		func(result *model.ChildResult) { omit(&result.Result, result) },
		func(result *model.ChildResult) { omit(&result.Error, result) },
	} {
		for k := range results {
			leaveOut(&results[k])
		}
		r.edit(func() { output, err = r.keepOutput(must(json.Marshal(results))) })
		if err == nil {
			return output, nil
		}
	}
	return nil, err
}

// nests reports whether a child's result can be part of the parent's output, in which it
// is nested more deeply than in the child's own row.
func nests(result model.ChildResult) bool {
	return model.CheckJSON(must(json.Marshal([]model.ChildResult{result}))) == nil
}

// omit leaves a part of a child's result out, if there is any.
func omit[T string | json.RawMessage](part *T, result *model.ChildResult) {
	if len(*part) > 0 {
		*part, result.Omitted = *new(T), true
	}
}

// waitForCancelled cancels the children that step i of a cancelled job waits for, and
// returns the ending of a run that waits for their end; nil if all have ended.
func (r *run) waitForCancelled(i int) *ending {
	record := r.record(i)
	if record.Status != model.StepWaiting || len(record.Children) == 0 {
		return nil
	}
	// The run's context has ended, but the children must still be cancelled.
	ctx := context.WithoutCancel(r.ctx)
	children, err := r.readChildren(ctx, record.Children)
	if err == nil && countOpen(children) == 0 {
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
	ctx, cancel := context.WithTimeout(ctx, r.Owner.Lease)
	defer cancel()
	if err := r.Jobs.Cancel(ctx, c.id, r.job.CancelledBy, r.job.CancelReason); err != nil {
		r.Log.Warn("cannot cancel a child of a cancelled job; trying again soon", r.with("child", c.id, "error", err)...)
	}
}
