package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
)

// undoAfter undoes the job's completed steps, the last one first, if the run
// ends in a way after which they are to be undone, or if an earlier run was at
// it. It returns how the run ends then.
func (r *run) undoAfter(e ending) ending {
	if r.data.Undoing == nil {
		r.mu.Lock()
		declared := r.decision != nil && r.decision.Status == model.Failed && e.status == model.Succeeded
		if declared {
			e = ending{status: model.Failed, err: cut(r.decision.Error, r.worker.Limits.Error)}
		}
		wanted := e.status == model.Failed && r.plan.UndoOnFailure || e.status == model.Cancelled && r.plan.UndoOnCancel
		r.mu.Unlock()
		if !wanted || r.lastToUndo() < 0 {
			return e
		}
		r.edit(func() {
			r.data.Undoing = &model.Undoing{Status: e.status, Error: e.err}
			r.whole, r.undoes, r.message = true, true, "undoing"
		})
	}
	e = ending{status: r.data.Undoing.Status, err: r.data.Undoing.Error}
	// The steps' own context has ended if the job was cancelled.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.ctx))
	defer cancel(nil)
	defer context.AfterFunc(r.life, func() { cancel(context.Cause(r.life)) })()
	for i := r.lastToUndo(); i >= 0; i = r.lastToUndo() {
		if end := r.undo(ctx, i, e); end != nil {
			return *end
		}
	}
	r.edit(func() { r.data.Undoing, r.whole = nil, true })
	return e
}

// lastToUndo is the index of the last step that is to be undone, or -1.
func (r *run) lastToUndo() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.data.Steps) - 1; i >= 0; i-- {
		if r.data.Steps[i].Status == model.StepCompleted && r.plan.Steps[i].Undo != nil {
			return i
		}
	}
	return -1
}

// undo undoes one step, with its retries. It returns how the run ends if that
// does not succeed now.
func (r *run) undo(ctx context.Context, i int, e ending) *ending {
	planned := &r.plan.Steps[i]
	output, err := planned.Read(r.record(i).Output, r.record(i).Version)
	for failures := 0; ; {
		if e := r.handOver(); e != nil {
			return e
		}
		lost := r.change(func() {
			record := &r.data.Steps[i]
			if record.Undo == nil {
				record.Undo = &model.UndoRecord{}
			}
			record.Undo.Status = model.StepRunning
			record.Undo.Attempts++
			r.changed[i], r.moved = true, true
		})
		if lost != nil {
			e := r.afterError(planned.Name, lost)
			return &e
		}
		again := false
		if err == nil {
			again = true
			session := newSession(r, planned.Name)
			err = guard(func() error {
				err := planned.Undo(ctx, session, output)
				again = err != nil && planned.Retries.Worth(err)
				return err
			})
			session.close()
		}
		if err == nil {
			r.edit(func() { r.undone(i, model.StepCompleted, "") })
			return nil
		}
		if e := r.handOver(); e != nil {
			return e
		}
		r.edit(func() { r.undone(i, model.StepFailed, cut(err.Error(), r.worker.Limits.Error)) })
		failures++
		delay, ok := planned.Retries.Delay(failures)
		if !ok || !again {
			text := fmt.Sprintf("undo step %q: %v", planned.Name, err)
			if e.err != "" {
				text = e.err + "; " + text
			}
			return &ending{status: e.status, err: cut(text, r.worker.Limits.Error)}
		}
		err = nil
		r.pause(min(delay, r.worker.RetryInPlace))
	}
}

// undone records how an attempt to undo a step ended. The lock is held.
func (r *run) undone(i int, status model.StepStatus, text string) {
	record := &r.data.Steps[i]
	record.Undo.Status, record.Undo.Error, record.Undo.FinishedAt = status, text, r.clock.now()
	if status == model.StepCompleted {
		record.Status = model.StepUndone
	}
	r.changed[i], r.moved = true, true
}

// handOver is how the run ends when the engine stops or the lease is lost while
// steps are undone: another run goes on with it.
func (r *run) handOver() *ending {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.gone || r.expired || r.life.Err() != nil {
		return &ending{status: model.Scheduled}
	}
	return nil
}

// pause waits for d, or until the run is to end.
func (r *run) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.life.Done():
	case <-r.stopping:
	}
}
