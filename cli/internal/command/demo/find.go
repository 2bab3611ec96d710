package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// find returns the job that the demo runs: the last one if it has not succeeded,
// or else a new one.
func (d *demo) find(ctx context.Context, fresh bool) (uuid.UUID, error) {
	last, err := d.Jobs.LatestJob(ctx, d.job.Type)
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return d.enqueue(ctx)
	case err != nil:
		return uuid.Nil, err
	case fresh && !last.Status.Ended():
		// It would run first, one job of a type at a time.
		if err := d.Jobs.Cancel(ctx, last.ID, app.OSUser(), d.Name+" demo --fresh"); err != nil && !errors.Is(err, engine.ErrStatus) {
			return uuid.Nil, err
		}
		return d.enqueue(ctx)
	case fresh || last.Status == model.Succeeded:
		return d.enqueue(ctx)
	}
	if d.input != nil {
		d.Note("%s: --data is for a new job and not used: add --fresh to make one", d.Name)
	}
	return last.ID, d.resume(ctx, last.ID)
}

func (d *demo) enqueue(ctx context.Context) (uuid.UUID, error) {
	input := json.RawMessage(cmp.Or(string(d.input), string(d.job.Input)))
	if err := d.CheckInput(ctx, d.job.Type, input); err != nil {
		return uuid.Nil, err
	}
	job, err := d.Jobs.Enqueue(ctx, engine.RawInput{Type: d.job.Type, Input: input}, engine.Name(d.job.Name))
	if err != nil {
		return uuid.Nil, err
	}
	return job.ID, d.say("enqueued job %s of type %s in %s", job.ID, job.Type, d.Database())
}

// resume returns when a job that has not succeeded runs or can run again.
func (d *demo) resume(ctx context.Context, id uuid.UUID) error {
	const interval = 200 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var killed *model.JobView // as it was found first
	for {
		status, err := d.Jobs.Status(ctx, id)
		if err != nil {
			return err
		}
		switch {
		case status.Status == model.Succeeded:
			return nil
		case status.Status == model.Scheduled:
			return d.say("found job %s, which was stopped: continuing with %s", id, view.ResumePoint(status.CurrentStep))
		case status.Status == model.Processing && !status.LeaseExpired:
			if killed != nil && status.LockedUntil.After(killed.LockedUntil.Time) {
				return d.say("found job %s, which %s runs: showing it", id, status.Owner)
			}
			if killed == nil {
				killed = status
				if err := d.sayInterrupted(status); err != nil {
					return err
				}
			}
		default:
			switch err := d.Jobs.Resume(ctx, id); {
			case err == nil:
				return d.sayResumed(status)
			case !errors.Is(err, engine.ErrStatus): // another process was faster
				return fmt.Errorf("%w; or make a new one: %s demo --fresh", err, d.Program())
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}
