package testutil

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Run runs the scheduled job until it has ended, and returns its last status: succeeded,
// failed or cancelled. If the job is not due, it waits for that; a job that has ended must
// be made scheduled with [Harness.Resume] or [Harness.Restart] first.
func (h *Harness) Run() *model.JobView {
	h.t.Helper()
	h.runnable()
	p := h.prepare()
	h.start(p)
	status := h.await(p, "the job's end", ended)
	h.stop(p)
	return status
}

// Kill runs the job and ends its process at a moment, as a power cut would: that run writes
// nothing more, its lease expires, and another engine settles the job. It returns the
// status after that: failed with its record kept, unless the definition says otherwise.
// with its record kept, unless the definition asks for something else.
//
// An engine stands for the dead process: it stops at the moment until its job has been
// settled, and then learns that it has lost its lease. So, unlike in a real crash, the
// deferred functions of a step that is killed at a checkpoint run, and a step that is
// killed at a progress call continues afterwards with a context that has ended.
func (h *Harness) Kill(at Moment) *model.JobView {
	h.t.Helper()
	h.reachable(at)
	victim := h.prepare()
	death := victim.trigger(h.job, at, func(ctx context.Context) error {
		<-victim.stopping
		<-ctx.Done()
		return steps.ErrLeaseLost
	})
	h.start(victim)
	h.reach(victim, death)
	run := h.row().Attempt // the job may have waited for something before
	h.expireLease()
	h.settle(run)
	left := h.row()
	h.closed(func() { h.stop(victim) })
	h.unchanged(left)
	return h.Status()
}

// closed prevents claims of jobs of the type while fn runs. An engine that is stopped may
// still claim one just before it stops; a dead one does not.
func (h *Harness) closed(fn func()) {
	h.t.Helper()
	until := func(t model.Time) {
		ctx, cancel := h.limit()
		defer cancel()
		_, err := h.db.NewUpdate().Model((*model.TypeLock)(nil)).Set("locked_until = ?", t).
			Where("type = ?", h.definition.JobType()).Where("job_id IS NULL").Exec(ctx)
		h.must("close the type to claims", err)
	}
	until(model.MaxTime())
	fn()
	until(model.TimeOf(time.Unix(0, 0)))
}

// Stop runs the job and stops its engine at a moment, without a grace period: the step's
// context ends with [steps.ErrShutdown], and what the step returns then counts. It returns
// the status after the engine has stopped: scheduled, unless the job has ended
// nevertheless.
func (h *Harness) Stop(at Moment) *model.JobView {
	h.t.Helper()
	h.reachable(at)
	p := h.prepare()
	stalled := p.trigger(h.job, at, func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	h.start(p)
	h.reach(p, stalled)
	h.stop(p)
	return h.Status()
}

// Cancel runs the job, requests its cancel at a moment, and returns the status with which
// the job then ends: cancelled, unless its last step completes nevertheless. When the
// moment is over, the step's context has ended, with [steps.ErrCancelled].
func (h *Harness) Cancel(at Moment, by, reason string) *model.JobView {
	h.t.Helper()
	h.reachable(at)
	p := h.prepare()
	request := p.trigger(h.job, at, func(ctx context.Context) error {
		if err := p.engine.Cancel(context.WithoutCancel(ctx), h.job, by, reason); err != nil {
			return fmt.Errorf("the harness could not cancel the job: %w", err)
		}
		if ctx != p.life {
			<-ctx.Done()
		}
		return nil
	})
	h.start(p)
	h.reach(p, request)
	status := h.await(p, "the job's end after the cancel request", ended)
	h.stop(p)
	return status
}

// runnable ends the test if the job is not scheduled.
func (h *Harness) runnable() {
	h.t.Helper()
	status := h.Status()
	if status.Status != model.Scheduled {
		h.fatal("the job is %s and has to be scheduled to run: call Resume, Restart or Enqueue first", status.Status)
	}
}

// reachable ends the test if the job is not scheduled, or the moment can never come.
func (h *Harness) reachable(at Moment) {
	h.t.Helper()
	h.runnable()
	h.must("wait for "+at.String(), at.check(h.plan(), h.db.DB.Stats().MaxOpenConnections))
}

// plan returns the plan of the followed job.
func (h *Harness) plan() *plan.Plan {
	h.t.Helper()
	data, err := model.ParseData(h.row().Data)
	h.must("read the job's input", err)
	plan, err := h.definition.Plan(data.Input)
	h.must("plan the job", err)
	return plan
}

// reach waits until the trigger's moment has come.
func (h *Harness) reach(p *hostProcess, t *trigger) {
	h.t.Helper()
	status := h.await(p, t.moment.String(), func(s *model.JobView) bool { return t.has() || ended(s) })
	if !t.has() {
		h.stop(p) // its log is complete then
		h.fatal("%s never came: the job has %s before", t.moment, status.Status)
	}
}

// expireLease makes the lease of the job's run expire, as if its engine had not renewed it.
func (h *Harness) expireLease() {
	h.t.Helper()
	ctx, cancel := h.limit()
	defer cancel()
	_, err := h.db.NewUpdate().Model((*model.TypeLock)(nil)).Set("locked_until = updated_at").
		Where("job_id = ?", h.job.String()).Exec(ctx)
	h.must("expire the lease", err)
}

// settle runs another engine until it has settled that run of the job.
func (h *Harness) settle(attempt int64) {
	h.t.Helper()
	recovery := h.prepare(engine.ContextFunc(held))
	h.start(recovery)
	h.await(recovery, "recovery by another engine", func(s *model.JobView) bool {
		return s.Status != model.Processing || s.Attempt != attempt
	})
	h.stop(recovery)
}

// unchanged ends the test if the job is not as its settlement left it.
func (h *Harness) unchanged(left *model.Job) {
	h.t.Helper()
	if now := h.row(); !reflect.DeepEqual(now, left) {
		h.fatal("a killed run wrote to its job after recovery had settled it as %s: this is a mistake of jobsystem, please report it", left.Status)
	}
}

func ended(s *model.JobView) bool { return s.Status.Ended() }
