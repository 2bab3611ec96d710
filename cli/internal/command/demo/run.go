package demo

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/model"
)

// runJob runs the engine in this process until the job has ended.
func (d *demo) runJob(ctx context.Context, id uuid.UUID) error {
	status, err := d.runAndFollow(ctx, id)
	switch {
	case ctx.Err() != nil && (err != nil || !status.Status.Ended()):
		return fmt.Errorf("%w: job %s has been handed over; continue it: %s demo", app.ErrInterrupted, id, d.Program())
	case err != nil:
		return err
	case status.Status != model.Succeeded:
		hint := fmt.Sprintf("continue with %s: %s demo; make a new one: %s demo --fresh", view.ResumePoint(status.CurrentStep), d.Program(), d.Program())
		return app.JobEnded(view.Ended(status, hint))
	}
	return d.sayWhere(status)
}

// runAndFollow shows the job while the engine runs, and returns after the
// engine has stopped.
func (d *demo) runAndFollow(ctx context.Context, id uuid.UUID) (*model.JobView, error) {
	running, stop := context.WithCancelCause(ctx)
	stopped := make(chan error, 1)
	go func() {
		err := d.Engine.Run(running)
		stop(err) // if it could not start, there is nothing to follow
		stopped <- err
	}()
	status, err := d.Follow(running, id, d.live)
	d.live.Close()
	if ctx.Err() != nil {
		d.Note("%s: stopping: the step under way may reach a boundary; a second signal ends at once", d.Name)
	}
	stop(nil)
	if failed := <-stopped; failed != nil {
		return status, failed
	}
	return status, err
}
