package execution

import (
	"context"
	"fmt"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// undoAfter undoes the job's completed steps, the last one first, if an end with status
// e.status requires that, or if an earlier run has begun to. It returns how the run ends.
func (r *run) undoAfter(e ending) ending {
	if r.data.Undoing == nil {
		if !r.undoesAfter(e.status) {
			return e
		}
		r.edit(func() {
			r.data.Undoing = &model.Undoing{Status: e.status, Error: e.err}
			r.changes.document, r.message = true, textMessage("undoing")
		})
	}
	r.edit(r.time.halt) // undoing is none of the job's work
	e = ending{status: r.data.Undoing.Status, err: r.data.Undoing.Error}
	// The context of the steps cannot be used: it has ended if the job was cancelled.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.ctx))
	defer cancel(nil)
	defer context.AfterFunc(r.life, func() { cancel(context.Cause(r.life)) })()
	for i := r.lastToUndo(); i >= 0; i = r.lastToUndo() {
		if end := r.undo(ctx, i, e); end != nil {
			return *end
		}
	}
	r.edit(func() {
		r.data.Undoing, r.changes.document, r.message = nil, true, message{}
		r.time.worked = 0 // the work that was undone may be done again
	})
	return e
}

func (r *run) undoesAfter(end model.Status) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plan.UndoesAfter(end, r.data.Steps)
}

// lastToUndo returns the index of the step that is undone next, or -1.
func (r *run) lastToUndo() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.plan.LastToUndo(r.data.Steps)
}

// undo undoes one step, with its retries. It returns how the run ends if that does not
// succeed, nil if it does.
func (r *run) undo(ctx context.Context, i int, e ending) *ending {
	planned := &r.plan.Steps[i]
	for failures := 1; ; failures++ {
		if end := r.undoHandedOver(); end != nil {
			return end
		}
		if err := r.write(func() { plan.BeginUndo(&r.data.Steps[i]); r.changes.record(i) }); err != nil {
			end := r.afterError(planned.Name, err)
			return &end
		}
		again, err := r.callUndo(ctx, i)
		if err == nil {
			r.edit(func() {
				if plan.CompleteUndo(&r.data, i, r.clock.now()) {
					r.changes.document = true
				}
				r.changes.record(i)
				r.dropCheckpoint(i) // made by its undo
			})
			return nil
		}
		if end := r.undoHandedOver(); end != nil {
			return end
		}
		r.edit(func() {
			plan.FailUndo(&r.data.Steps[i], r.cut(err.Error()), r.clock.now())
			r.changes.record(i)
		})
		delay, ok := planned.Retry.Delay(failures)
		if !ok || !again {
			return r.notUndone(planned.Name, e, err)
		}
		r.pauseUndo(min(delay, max(r.RetryInPlace, time.Second)))
	}
}

// callUndo calls the step's undo once. again reports whether its error is worth another
// attempt.
func (r *run) callUndo(ctx context.Context, i int) (again bool, err error) {
	planned, record := &r.plan.Steps[i], r.record(i)
	output, err := planned.Read(record.Output, record.Version)
	if err != nil {
		return false, fmt.Errorf("its recorded output %w", err)
	}
	ctx, cancel := withTimeout(ctx, planned)
	defer cancel()
	session := newSession(r, planned.Name)
	session.undoing, session.attempt = true, record.Undo.Attempts
	defer session.close()
	again = true // also after a panic
	err = plan.Guard(func() error {
		err := planned.Undo(ctx, session, output)
		again = err != nil && planned.Retry.ShouldRetry(plan.WithReason(ctx, err))
		return err
	})
	if err != nil {
		err = plan.WithReason(ctx, err)
	}
	return again, err
}

// notUndone returns how the run ends when a step cannot be undone: with the status that it
// would have had, and with both errors. The document still says that steps are being undone.
func (r *run) notUndone(step string, e ending, err error) *ending {
	text := fmt.Sprintf("undo step %q: %v", step, err)
	if e.err != "" {
		text = e.err + "; " + text
	}
	return &ending{status: e.status, err: r.cutJobError(text)}
}

// undoHandedOver returns how the run ends when the engine stops or the lease is lost while
// steps are undone, nil if neither has happened. Another run continues the undo.
func (r *run) undoHandedOver() *ending {
	if r.undoInterruption() != nil {
		return &ending{status: model.Scheduled}
	}
	return nil
}

// pauseUndo waits for d, or until the run must end.
func (r *run) pauseUndo(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.life.Done():
	case <-r.handingOver:
	}
}
