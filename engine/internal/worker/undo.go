package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// undoAfter undoes the job's completed steps, the last one first, if the run
// ends in a way after which they are to be undone, or if an earlier run was at
// it. It returns how the run ends then.
func (r *run) undoAfter(e ending) ending {
	if r.data.Undoing == nil {
		if !slices.Contains(r.plan.UndoOn, e.status) || r.lastToUndo() < 0 {
			return e
		}
		r.edit(func() {
			r.data.Undoing = &model.Undoing{Status: e.status, Error: e.err}
			r.whole, r.message = true, plain("undoing")
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
	r.edit(func() { r.data.Undoing, r.whole, r.message = nil, true, message{} })
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
	for failures := 1; ; failures++ {
		if end := r.handOver(); end != nil {
			return end
		}
		if err := r.change(func() { r.beginUndo(i) }); err != nil {
			end := r.afterError(planned.Name, err)
			return &end
		}
		again, err := r.callUndo(ctx, i)
		if err == nil {
			r.edit(func() { r.undone(i) })
			return nil
		}
		if end := r.handOver(); end != nil {
			return end
		}
		r.edit(func() { r.endUndo(i, model.StepFailed, cut(err.Error(), r.worker.Limits.Error)) })
		delay, ok := planned.Retries.Delay(failures)
		if !ok || !again {
			return r.notUndone(planned.Name, e, err)
		}
		r.pause(min(delay, max(r.worker.RetryInPlace, time.Second)))
	}
}

// callUndo calls the step's undo once. again says that its error is worth
// another attempt.
func (r *run) callUndo(ctx context.Context, i int) (again bool, err error) {
	planned, record := &r.plan.Steps[i], r.record(i)
	output, err := planned.Read(record.Output, record.Version)
	if err != nil {
		return false, fmt.Errorf("its recorded output %w", err)
	}
	ctx, cancel := limited(ctx, planned)
	defer cancel()
	session := newSession(r, planned.Name)
	session.undoing, session.attempt = true, record.Undo.Attempts
	defer session.close()
	again = true // a panic is an error like others
	err = guard(func() error {
		err := planned.Undo(ctx, session, output)
		again = err != nil && planned.Retries.ShouldRetry(err)
		return err
	})
	if err != nil {
		err = reason(ctx, err)
	}
	return again, err
}

// notUndone is how the run ends when a step cannot be undone: as it would have,
// with both errors. That it is undoing stays recorded.
func (r *run) notUndone(step string, e ending, err error) *ending {
	text := fmt.Sprintf("undo step %q: %v", step, err)
	if e.err != "" {
		text = e.err + "; " + text
	}
	return &ending{status: e.status, err: cut(text, r.worker.Limits.Error)}
}

// beginUndo marks a step as being undone. The lock is held.
func (r *run) beginUndo(i int) {
	record := &r.data.Steps[i]
	var undo model.UndoRecord
	if record.Undo != nil {
		undo = *record.Undo
	}
	undo.Status, undo.FinishedAt, undo.Error = model.StepRunning, model.Time{}, ""
	undo.Attempts++
	record.Undo = &undo
	r.changed[i], r.moved = true, true
}

// endUndo records how an attempt to undo a step ended. The lock is held.
func (r *run) endUndo(i int, status model.StepStatus, text string) {
	undo := *r.data.Steps[i].Undo
	undo.Status, undo.Error, undo.FinishedAt = status, text, r.clock.now()
	r.data.Steps[i].Undo = &undo
	r.changed[i], r.moved = true, true
}

// undone marks a step as undone. The lock is held.
func (r *run) undone(i int) {
	r.endUndo(i, model.StepCompleted, "")
	r.data.Steps[i].Status = model.StepUndone
	if name := r.data.Steps[i].Name; r.checkpoints[name] != nil {
		delete(r.checkpoints, name) // of its undoing
		r.checkpointChanged = true
	}
}

// handOver is how the run ends when the engine stops or the lease is lost while
// steps are undone: another run goes on with it.
func (r *run) handOver() *ending {
	if r.undoInterruption() != nil {
		return &ending{status: model.Scheduled}
	}
	return nil
}

// undoInterruption is interruption while steps are undone, which no cancel
// request ends.
func (r *run) undoInterruption() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.gone || r.expired:
		return steps.ErrLeaseLost
	case r.stopped:
		return steps.ErrShutdown
	default:
		return context.Cause(r.life)
	}
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
