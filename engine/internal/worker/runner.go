package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// execute runs the job's steps from the first that is not done, and ends the
// job. It reports whether the end is in the database; if not, the run is lost.
func (r *run) execute() bool {
	r.worker.Log.Info("job started", r.attrs()...)
	if err := r.prepare(); err != nil {
		return r.finish(r.conclude(r.afterError("", err)))
	}
	var e ending
	if r.data.Undoing == nil {
		e = r.perform()
	}
	return r.finish(r.undoAfter(r.conclude(e)))
}

// prepare makes the plan and lays the records over it. It changes nothing if it
// fails.
func (r *run) prepare() error {
	data, err := model.ParseData(r.job.Data)
	if err != nil {
		return err
	}
	handler := r.worker.Handlers[r.job.Type]
	plan, err := MakePlan(handler, data.Input)
	if err != nil {
		return err
	}
	laid := lay(plan, data, r.worker.Limits)
	if err := laid.err(); err != nil {
		return err
	}
	if handler.Context != nil {
		if err := guard(func() error { return r.makeContext(handler, data) }); err != nil {
			return fmt.Errorf("make the job's context: %w", err)
		}
	}
	checkpoints, err := model.ParseCheckpoints(r.job.Checkpoints)
	if err != nil {
		return err
	}
	checkpoints, moved := adoptCheckpoints(plan, checkpoints)
	tracker, err := r.track(plan, laid.records)
	if err != nil {
		return err
	}
	signals, err := model.ParseSignals(r.job.Signals)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plan, r.tracker, r.signals, r.checkpoints, r.checkpointChanged = plan, tracker, signals, checkpoints, moved
	r.data = data // with what a newer version has put there
	r.data.Steps, r.data.Plan = laid.records, r.planRecord(plan, data.Plan)
	r.data.History = append(r.data.History, laid.removed...)
	r.data.DropHistory(r.worker.Limits.Data)
	if !slices.ContainsFunc(laid.records, func(s model.StepRecord) bool { return s.SetsResult && s.Status.Done() }) {
		r.data.Result = nil
	}
	r.whole = true
	r.startTime()
	return nil
}

// planRecord is what the row tells of the plan, after what it has told before. A
// plan that is not the one before fits all the same, and people want to know.
func (r *run) planRecord(plan *steps.Plan, before *model.PlanRecord) *model.PlanRecord {
	now := &model.PlanRecord{}
	if before != nil {
		*now = *before
	}
	now.Fingerprint, now.ResumeOnCrash, now.UndoOnCancel = plan.Fingerprint(), plan.ResumeOnCrash, slices.Contains(plan.UndoOn, model.Cancelled)
	// There is none yet if the process died before the first write.
	if before != nil && before.Fingerprint != now.Fingerprint && before.Fingerprint != "" {
		now.Earlier = before.Fingerprint
		r.worker.Log.Info("the definition has changed; the job goes on under another plan, which its record fits",
			append(r.attrs(), "plan", now.Fingerprint, "earlier", now.Earlier)...)
	}
	return now
}

func (r *run) makeContext(handler Handler, data model.Data) error {
	base := r.ctx
	if Undoes(data) || len(WaitedChildren(data)) > 0 {
		base = r.life // a cancelled job's handler has more to do in that context
	}
	made, err := handler.Context(base, r.job)
	if err != nil {
		return err
	}
	if made == nil {
		return errors.New("the context factory returned nil")
	}
	// The made context carries values; that it ends is the run's business.
	var cancel context.CancelCauseFunc
	ctx := r.ctx
	made, cancel = context.WithCancelCause(made)
	context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	r.ctx = made
	return nil
}

// perform runs the steps that are not done: one after the other, the members of
// a group together.
func (r *run) perform() ending {
	begun := -1 // the step that a commit has marked as running already
	for i := 0; i < len(r.plan.Steps); {
		end := r.stageEnd(i)
		if r.stageDone(i, end) {
			i = end
			continue
		}
		if begun != i && r.decided() {
			return ending{status: model.Succeeded}
		}
		if err := r.interruption(); err != nil {
			if begun == i {
				r.unbegin(i)
			}
			return r.beforeStep(i, err)
		}
		var e *ending
		if r.plan.Steps[i].Group != nil {
			e = r.performGroup(i, end)
		} else {
			begun, e = r.performStep(i, begun == i)
		}
		if e != nil {
			return *e
		}
		i = end
	}
	return r.success(r.lastOutput())
}

// lastOutput is the recorded output of the last step.
func (r *run) lastOutput() json.RawMessage {
	last := r.record(len(r.plan.Steps) - 1)
	if last.Status != model.StepCompleted {
		return nil
	}
	return last.Output
}

// stageEnd is the index behind the steps that run together with step i.
func (r *run) stageEnd(i int) int {
	end := i + 1
	for group := r.plan.Steps[i].Group; group != nil && end < len(r.plan.Steps) && r.plan.Steps[end].Group == group; {
		end++
	}
	return end
}

func (r *run) stageDone(from, to int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !slices.ContainsFunc(r.data.Steps[from:to], func(record model.StepRecord) bool { return !record.Status.Done() })
}

// beforeStep says how a run ends that may not go on to step i. A cancelled job
// whose step waits for children ends when they have.
func (r *run) beforeStep(i int, err error) ending {
	if errors.Is(err, steps.ErrCancelled) {
		if e := r.waitForCancelled(i); e != nil {
			return *e
		}
		r.edit(func() {
			if r.data.Steps[i].Status == model.StepWaiting {
				r.endStep(i, model.StepCancelled)
			}
		})
	}
	return r.afterError("", err)
}

// performStep runs a step, and returns how the run ends if it does not go on.
// begun says that the step is marked as running; so is next then, unless it is
// -1.
func (r *run) performStep(i int, begun bool) (next int, end *ending) {
	planned := &r.plan.Steps[i]
	output, e := r.attempt(r.ctx, i, begun)
	if e != nil {
		return -1, e
	}
	last := r.next(i) < 0
	switch {
	case r.record(i).Status == model.StepSkipped:
		return -1, nil
	case r.record(i).Status == model.StepCompleted: // recorded already, by its transaction or by being verified
		if r.decided() && !last {
			return -1, &ending{status: model.Succeeded}
		}
		if last {
			e := r.success(output)
			return -1, &e
		}
		return -1, nil
	case last:
		r.edit(func() { r.complete(i, output) })
		e := r.success(output)
		return -1, &e
	case r.decided():
		r.edit(func() { r.complete(i, output) })
		return -1, &ending{status: model.Succeeded}
	}
	next = r.nextToBegin(i)
	err := r.change(func() {
		r.complete(i, output)
		if next >= 0 {
			r.begin(next)
		}
	})
	if err != nil {
		e := r.afterError(planned.Name, err)
		return -1, &e
	}
	return next, nil
}
