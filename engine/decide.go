package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/execution"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
)

// Succeed ends a processing job as succeeded, with a result that is stored as JSON, or nil to
// keep the result that its steps have set. It may be called from anywhere: inside or outside
// of the job's step, in its process or in another one, and in a transaction, with
// [Engine.WithTx].
//
// The decision is in the database when Succeed returns. It takes effect when the running step
// has returned without an error; the steps after it are recorded as skipped. If the running
// step fails, it is not tried again, and the job fails. If the process dies or hands the job
// over before that, the job ends as decided when it is settled, or claimed again.
//
// The first decision counts: Succeed returns nil for a job that was declared succeeded
// already, and a [StatusError] for one that was declared failed, is not processing, or is
// undoing its steps. If the job is also cancelled, it succeeds nevertheless if its running
// step returns without an error, and is cancelled otherwise.
//
// A step of [steps.InTx] must call it with the step's transaction, since its job's row is
// written in that.
func (c *Client) Succeed(ctx context.Context, id uuid.UUID, result any) error {
	return c.decide(ctx, id, "declare succeeded", model.Decision{Status: model.Succeeded}, result)
}

// Fail ends a processing job as failed, with a reason for people and a result that is stored
// as JSON, or nil. It takes effect when the running step has returned, whatever that returns;
// then the job's steps are undone, if its definition says so. If the job is also cancelled,
// it becomes cancelled. See [Client.Succeed] for the rest.
func (c *Client) Fail(ctx context.Context, id uuid.UUID, reason string, result any) error {
	d := model.Decision{Status: model.Failed, Error: model.CutText(reason, c.engine.config.Limits.Error)}
	return c.decide(ctx, id, "declare failed", d, result)
}

func (c *Client) decide(ctx context.Context, id uuid.UUID, op string, d model.Decision, result any) error {
	if c.holdsOnlyConnection(ctx) {
		return fmt.Errorf("%s job %s: %w", op, id, invalid("the step has the database's one connection: use WithTx with its transaction"))
	}
	var err error
	if result != nil {
		if d.Result, err = encode(result); err != nil {
			return fmt.Errorf("%s job %s: %w", op, id, invalid("result: %w", err))
		}
	}
	raw, err := d.JSON()
	if err != nil {
		return fmt.Errorf("%s job %s: %w", op, id, invalid("result: %w", err))
	}
	row, decided, err := c.engine.store.Decide(ctx, c.db, id, raw, func(j *model.Job) error { return c.checkDecision(j, op, d) })
	switch {
	case errors.Is(err, ErrStatus):
		return err
	case err != nil:
		return fmt.Errorf("%s job %s: %w", op, id, err)
	case row == nil:
		return notFound(op, id)
	case !decided:
		return undecided(row, op, d)
	}
	return c.announce(ctx, row, op, d)
}

// holdsOnlyConnection reports whether the caller is a step in a transaction that has the only
// connection that can write, so that it would wait for itself.
func (c *Client) holdsOnlyConnection(ctx context.Context) bool {
	return !c.inTx && c.engine.store.SoleWriter() && execution.InTx(ctx)
}

// checkDecision returns an error if a job cannot end in this way.
func (c *Client) checkDecision(j *model.Job, op string, d model.Decision) error {
	data, err := model.ParseData(j.Data)
	switch {
	case err != nil:
		return err
	case data.Undoing != nil:
		return &StatusError{ID: j.ID, Status: j.Status, Op: op, Hint: "and its steps are being undone: how it ends is decided"}
	case d.Result == nil:
		return nil
	}
	if _, _, err := c.engine.config.Limits.ofPlan().KeepResult(&data, d.Result); err != nil {
		return invalid("%w", err)
	}
	return nil
}

// undecided returns why a job was not decided about, nil if it was decided in the same way
// before.
func undecided(row *store.Row, op string, d model.Decision) error {
	hint := "only a job that is processing can be declared to end"
	earlier, err := model.ParseDecision(row.Decision)
	switch {
	case err != nil:
		return fmt.Errorf("%s job %s: %w", op, row.ID, err)
	case row.Status.Ended():
		hint = "it has ended already"
	case earlier != nil && earlier.Status == d.Status:
		return nil
	case earlier != nil:
		hint = "it was " + earlier.Message() + " already"
	}
	return &StatusError{ID: row.ID, Status: row.Status, Op: op, Hint: hint}
}

// announce makes a decision known where the job runs.
func (c *Client) announce(ctx context.Context, row *store.Row, op string, d model.Decision) error {
	if err := c.settleDead(ctx, row); err != nil {
		return fmt.Errorf("%s job %s: %w", op, row.ID, err)
	}
	if w := c.engine.running(); w != nil && !c.inTx && w.Runs.Decide(row.ID, row.Attempt, d) {
		return nil
	}
	if err := c.engine.store.NotifyDecision(ctx, c.db, row.ID); err != nil {
		return fmt.Errorf("%s job %s: the decision is recorded, but its engine was not notified: %w", op, row.ID, err)
	}
	return nil
}
