package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Cancel requests the cancel of a job, and records who requested it and why; both may be
// empty.
//
// A scheduled job becomes cancelled at once, with two exceptions: if a step of it waits for
// child jobs, these are cancelled too, and if steps must be undone, that happens first. Then
// an engine that has the job's type ends it when everything is done.
//
// For a processing job, the context of its running step ends, in whichever process it runs;
// the job becomes cancelled when its handler has returned. If its last step nevertheless
// completes, the job has succeeded.
//
// Only the first request counts; cancelling a job again changes nothing and returns nil. If
// the job has succeeded or failed, Cancel returns a [StatusError].
func (c *Client) Cancel(ctx context.Context, id uuid.UUID, by, reason string) error {
	if err := checkText(by, maxName); err != nil {
		return fmt.Errorf("cancel job %s: %w", id, invalid("the name of the requester %w", err))
	}
	if err := checkText(reason, maxReason); err != nil {
		return fmt.Errorf("cancel job %s: %w", id, invalid("the reason %w", err))
	}
	row, err := c.engine.store.RequestCancel(ctx, c.db, id, by, reason, plan.CancelNeedsHandler)
	switch {
	case err != nil:
		return fmt.Errorf("cancel job %s: %w", id, err)
	case row == nil:
		return notFound("cancel", id)
	case row.Status == model.Succeeded || row.Status == model.Failed:
		return &StatusError{ID: id, Status: row.Status, Op: "cancel", Hint: "it has ended already"}
	case row.Status == model.Scheduled && !row.DeletedAt.IsZero():
		return &StatusError{ID: id, Status: row.Status, Op: "cancel", Hint: "and it is deleted: it will not run"}
	case row.Status == model.Scheduled: // its handler must run to cancel it
		return c.cancelHandled(ctx, row, by, reason)
	case row.Status == model.Cancelled:
		return c.wakeParentOf(ctx, &row.Job)
	}
	if err := c.settleDead(ctx, row); err != nil {
		return fmt.Errorf("cancel job %s: %w", id, err)
	}
	if w := c.engine.running(); w != nil && !c.inTx && w.Runs.Cancel(id) {
		return nil
	}
	if err := c.engine.store.NotifyCancel(ctx, c.db, id); err != nil {
		return fmt.Errorf("cancel job %s: the request is recorded, but its engine was not notified: %w", id, err)
	}
	return nil
}

// cancelHandled cancels the children that a scheduled job waits for, and wakes the engines
// that can run its handler.
func (c *Client) cancelHandled(ctx context.Context, row *store.Row, by, reason string) error {
	data, err := model.ParseData(row.Data)
	if err != nil {
		return fmt.Errorf("cancel job %s: %w", row.ID, err)
	}
	for _, child := range plan.AwaitedChildren(data) {
		err := c.Cancel(ctx, child, by, reason)
		if err != nil && !errors.Is(err, ErrStatus) && !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("cancel job %s: the request is recorded, but it did not reach a child: %w", row.ID, err)
		}
	}
	if err := c.wakeEngines(ctx, row.Type); err != nil {
		return fmt.Errorf("cancel job %s: %w", row.ID, err)
	}
	return nil
}

// wakeParentOf makes the parent of a job due that has ended without a run. Outside of a
// caller's transaction it only logs an error, since the parent will check by itself.
func (c *Client) wakeParentOf(ctx context.Context, j *model.Job) error {
	if j.ParentID == nil {
		return nil
	}
	err := c.wakeParent(ctx, *j.ParentID)
	switch {
	case err == nil:
		return nil
	case c.inTx:
		return fmt.Errorf("wake the parent of job %s: %w", j.ID, err)
	default:
		c.engine.config.Logger.Warn("cannot wake the parent of a job that has ended; it will check by itself", "job", j.ID, "error", err)
		return nil
	}
}

// settleDead settles a run whose lease has expired, as any running engine would do at its
// next poll.
func (c *Client) settleDead(ctx context.Context, row *store.Row) error {
	if c.inTx || !dead(row) {
		return nil
	}
	run := store.LockedRun{Type: row.Type, JobID: row.ID, Attempt: row.Attempt}
	settled, err := c.engine.store.Settle(ctx, run, c.engine.interrupt)
	if err != nil || settled == nil {
		return err
	}
	return c.wakeParentOf(ctx, settled)
}

// Restart makes a failed or cancelled job scheduled without its record: all steps run
// again. If the job has another status, it returns a [StatusError].
func (c *Client) Restart(ctx context.Context, id uuid.UUID) error {
	return c.reschedule(ctx, id, "restart", func(j *model.Job) error {
		data, err := model.ParseData(j.Data)
		if err != nil {
			return err
		}
		if j.Data, err = data.Reset().JSON(); err != nil {
			return err
		}
		j.Checkpoints, j.Signals, j.Progress, j.Message, j.Resumptions = nil, nil, 0, "", 0
		return nil
	})
}

// reschedule makes a failed or cancelled job scheduled and due now. edit changes the rest of
// the row; op is the operation for errors.
func (c *Client) reschedule(ctx context.Context, id uuid.UUID, op string, edit func(*model.Job) error) error {
	row, err := c.row(ctx, op, id)
	if err != nil {
		return err
	}
	if err := c.settleDead(ctx, row); err != nil {
		return fmt.Errorf("%s job %s: %w", op, id, err)
	}
	found, err := c.engine.store.Change(ctx, c.db, id, func(row *store.Row) error {
		if err := reschedulable(row, op); err != nil {
			return err
		}
		j := &row.Job
		j.Status, j.ScheduledAt, j.Error, j.TimeToCompleteMS, j.TimeToCompleteP90MS, j.TimeToCompleteSource = model.Scheduled, row.Now, "", nil, nil, ""
		j.LeftUntil = model.Time{}
		j.FinishedAt, j.CancelRequestedAt, j.CancelledBy, j.CancelReason = model.Time{}, model.Time{}, "", ""
		j.Decision = nil
		return edit(j)
	})
	var taken *store.KeyTakenError
	switch {
	case errors.As(err, &taken):
		return &StatusError{ID: id, Status: row.Status, Op: op, Hint: fmt.Sprintf("and job %s has its idempotency key now: delete that one first", taken.Job)}
	case errors.Is(err, ErrStatus):
		return err
	case err != nil:
		return fmt.Errorf("%s job %s: %w", op, id, err)
	case !found:
		return notFound(op, id)
	}
	if err := c.wakeEngines(ctx, row.Type); err != nil {
		return fmt.Errorf("%s job %s: %w", op, id, err)
	}
	return nil
}

// reschedulable returns a StatusError if a job cannot be resumed or restarted.
func reschedulable(row *store.Row, op string) error {
	statusError := func(hint string) error {
		return &StatusError{ID: row.ID, Status: row.Status, Op: op, Hint: hint}
	}
	switch {
	case !row.DeletedAt.IsZero():
		return statusError("and it is deleted")
	case row.Status.Resumable():
		return nil
	case row.Status == model.Processing && row.Owner != "" && row.LockedUntil.After(row.Now.Time):
		return statusError(fmt.Sprintf("cancel it first; or if its process was killed, wait %s for its lease to expire",
			humanize(millis(row.LockedUntil.Sub(row.Now.Time)))))
	case row.Status == model.Processing:
		return statusError("its engine is dead or cut off; try again in a moment")
	case row.Status == model.Scheduled:
		return statusError("it continues without a resume, when it is due or when its wait is over")
	default:
		return statusError("it has nothing left to do")
	}
}

// Delete hides a job: it does not run and is not listed any more, its row stays, and its
// idempotency key can be used again. If the job is processing, or waits for children that
// have not ended, Delete returns a [StatusError]. Deleting a deleted job returns nil.
func (c *Client) Delete(ctx context.Context, id uuid.UUID) error {
	for {
		before, err := c.row(ctx, "delete", id)
		if err != nil {
			return err
		}
		if err := c.checkChildren(ctx, before); err != nil {
			return err
		}
		if same, err := c.deleteUnchanged(ctx, before); err != nil || same {
			return err
		}
	}
}

// deleteUnchanged deletes a job, unless it has run since the row before was read: then
// same is false, and it has done nothing.
func (c *Client) deleteUnchanged(ctx context.Context, before *store.Row) (same bool, err error) {
	id := before.ID
	var deleted model.Job
	found, err := c.engine.store.Change(ctx, c.db, id, func(row *store.Row) error {
		if err := deletable(row); err != nil {
			return err
		}
		if same = row.Attempt == before.Attempt && row.Status == before.Status; !same {
			return store.ErrUnchanged
		}
		if row.DeletedAt.IsZero() {
			row.DeletedAt, row.IdempotencyKey = row.Now, nil
		}
		deleted = row.Job
		return nil
	})
	switch {
	case errors.Is(err, ErrStatus):
		return false, err
	case err != nil:
		return false, fmt.Errorf("delete job %s: %w", id, err)
	case !found:
		return false, notFound("delete", id)
	case !same:
		return false, nil
	default:
		return true, c.wakeParentOf(ctx, &deleted)
	}
}

// checkChildren returns a [StatusError] for a job that has ended and whose children have
// not: deleting it would leave them without anybody who could resume or cancel them with
// it.
func (c *Client) checkChildren(ctx context.Context, row *store.Row) error {
	if !row.DeletedAt.IsZero() || !row.Status.Ended() {
		return nil
	}
	var children []uuid.UUID
	if data, err := model.ParseData(row.Data); err == nil { // otherwise it names none
		for _, record := range data.Steps {
			children = append(children, record.Children...)
		}
	}
	if len(children) == 0 {
		return nil
	}
	open, err := c.engine.store.AnyOpen(ctx, c.db, children)
	if err != nil {
		return fmt.Errorf("delete job %s: %w", row.ID, err)
	}
	if open {
		return &StatusError{ID: row.ID, Status: row.Status, Op: "delete", Hint: "and some of its children have not ended: cancel them first"}
	}
	return nil
}

// deletable returns a [StatusError] for a job that still has something to do.
func deletable(row *store.Row) error {
	refuse := func(hint string) error {
		return &StatusError{ID: row.ID, Status: row.Status, Op: "delete", Hint: hint}
	}
	data, err := model.ParseData(row.Data)
	readable := err == nil // otherwise it waits for nothing
	switch {
	case row.Status == model.Processing:
		return refuse("cancel it first")
	case row.Status != model.Scheduled || !row.DeletedAt.IsZero() || !readable:
		return nil
	case len(plan.AwaitedChildren(data)) > 0:
		return refuse("and waits for its children: cancel it first")
	case row.Decision != nil:
		return refuse("and was declared to end: wait until it has ended")
	case data.Undoing != nil || !row.CancelRequestedAt.IsZero() && plan.CancelNeedsHandler(&row.Job):
		return refuse("and its steps are being undone: wait until it has ended")
	default:
		return nil
	}
}
