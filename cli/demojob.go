package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// job returns the job that the demo runs: the last one if it has not succeeded,
// or else a new one.
func (d *demo) job(ctx context.Context, fresh bool) (uuid.UUID, error) {
	last, err := d.jobs.LatestJob(ctx, d.Type)
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return d.enqueue(ctx)
	case err != nil:
		return uuid.Nil, err
	case fresh && !last.Status.Ended():
		// It would run first, one job of a type at a time.
		if err := d.jobs.Cancel(ctx, last.ID, osUser(), d.name+" demo --fresh"); err != nil && !errors.Is(err, engine.ErrStatus) {
			return uuid.Nil, err
		}
		return d.enqueue(ctx)
	case fresh || last.Status == model.Succeeded:
		return d.enqueue(ctx)
	}
	if d.input != nil {
		d.note("%s: --data is for a new job and not used: add --fresh to make one", d.name)
	}
	return last.ID, d.takeUp(ctx, last.ID)
}

func (d *demo) enqueue(ctx context.Context) (uuid.UUID, error) {
	input := json.RawMessage(cmp.Or(string(d.input), string(d.Input)))
	if err := d.checkInput(ctx, d.Type, input); err != nil {
		return uuid.Nil, err
	}
	job, err := d.jobs.Enqueue(ctx, engine.RawInput{Type: d.Type, Input: input}, engine.Name(d.Name))
	if err != nil {
		return uuid.Nil, err
	}
	return job.ID, d.say("enqueued job %s of type %s in %s", job.ID, job.Type, dsn.Redact(d.dsn))
}

// takeUp has a job go on that has not come to its end.
func (d *demo) takeUp(ctx context.Context, id uuid.UUID) error {
	const interval = 200 * time.Millisecond
	var killed *model.JobView // as it was found first
	for {
		status, err := d.jobs.Status(ctx, id)
		if err != nil {
			return err
		}
		switch {
		case status.Status == model.Succeeded:
			return nil
		case status.Status == model.Scheduled:
			return d.say("found job %s, which was stopped: going on with %s", id, resumePoint(status.CurrentStep))
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
			switch err := d.jobs.Resume(ctx, id); {
			case err == nil:
				return d.say("found job %s, which %s: going on with %s", id, foundAs(status), resumePoint(status.CurrentStep))
			case !errors.Is(err, engine.ErrStatus): // somebody else was faster
				return fmt.Errorf("%w; or begin a new one: %s demo --fresh", err, d.program())
			}
		}
		if err := pause(ctx, interval); err != nil {
			return err
		}
	}
}

func (d *demo) sayInterrupted(j *model.JobView) error {
	left := max(0, j.LockedUntil.Sub(d.now())).Round(time.Second)
	return d.say("found job %s, which is being processed: waiting for the killed run's lease to run out (%v)", j.ID, left)
}

// foundAs tells the state in which a job was found.
func foundAs(j *model.JobView) string {
	if j.LeaseExpired {
		return "was interrupted"
	}
	return ending(j)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
