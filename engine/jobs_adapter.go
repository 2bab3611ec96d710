package engine

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/execution"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// jobsAdapter implements [execution.Jobs] with the engine's own methods: what runs do with
// the children and the parents of their jobs.
type jobsAdapter struct{ engine *Engine }

var _ execution.Jobs = jobsAdapter{}

func (f jobsAdapter) New(input steps.Input, name string) (*model.Job, error) {
	r, err := f.engine.newRequest(input, []EnqueueOption{Name(name)})
	if err != nil {
		return nil, err
	}
	return &r.job, nil
}

func (f jobsAdapter) Resume(ctx context.Context, id uuid.UUID) error {
	err := f.engine.Client.Resume(ctx, id)
	if errors.Is(err, ErrStatus) || errors.Is(err, ErrNotFound) || errors.Is(err, plan.ErrTimeUp) {
		return nil // it has succeeded, runs or waits, was removed, or stays failed
	}
	return err
}

func (f jobsAdapter) Cancel(ctx context.Context, id uuid.UUID, by, reason string) error {
	err := f.engine.Client.Cancel(ctx, id, by, reason)
	if errors.Is(err, ErrStatus) || errors.Is(err, ErrNotFound) {
		return nil // it has ended
	}
	return err
}

func (f jobsAdapter) WakeParent(ctx context.Context, parent uuid.UUID) error {
	return f.engine.Client.wakeParent(ctx, parent)
}

// wakeParent makes a job due if it waits for children and all of them have ended.
func (c *Client) wakeParent(ctx context.Context, parent uuid.UUID) error {
	row, err := c.engine.store.Get(ctx, c.db, parent)
	if err != nil || row == nil || row.Status != model.Scheduled {
		return err
	}
	data, err := model.ParseData(row.Data)
	if err != nil {
		return err
	}
	children := plan.AwaitedChildren(data)
	if len(children) == 0 {
		return nil
	}
	if open, err := c.engine.store.AnyOpen(ctx, c.db, children); err != nil || open {
		return err
	}
	if woken, err := c.engine.store.MakeDue(ctx, c.db, parent, row.Attempt); err != nil || !woken {
		return err
	}
	return c.wakeEngines(ctx, row.Type)
}
