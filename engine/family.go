package engine

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine/internal/worker"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// family is what the runs of an engine do with the children and the parents of
// their jobs.
type family struct{ engine *Engine }

var _ worker.Jobs = family{}

func (f family) New(input steps.Typed, name string) (*model.Job, error) {
	r, err := f.engine.newRequest(input, []EnqueueOption{Name(name)})
	if err != nil {
		return nil, err
	}
	return &r.job, nil
}

func (f family) Resume(ctx context.Context, id uuid.UUID) error {
	err := f.engine.Client.Resume(ctx, id)
	if errors.Is(err, ErrStatus) || errors.Is(err, ErrNotFound) {
		return nil // it has succeeded, runs or waits, or is gone
	}
	return err
}

func (f family) Cancel(ctx context.Context, id uuid.UUID, by, reason string) error {
	err := f.engine.Client.Cancel(ctx, id, by, reason)
	if errors.Is(err, ErrStatus) || errors.Is(err, ErrNotFound) {
		return nil // it has ended
	}
	return err
}

func (f family) WakeParent(ctx context.Context, parent uuid.UUID) error {
	c := &f.engine.Client
	woken, err := f.engine.store.WakeParent(ctx, c.db, parent)
	if err != nil || !woken {
		return err
	}
	row, err := f.engine.store.Get(ctx, c.db, parent)
	if err != nil || row == nil {
		return err
	}
	return c.tell(ctx, row.Type)
}
