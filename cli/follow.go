package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// view shows a job while it is followed.
type view interface {
	// update shows the job as it is now. It is called at each change.
	update(*model.JobView) error
	// close ends the view; what it has shown stays. It may be called again.
	close()
}

// newView returns the view for the output there is.
func (inv *invocation) newView() view {
	switch {
	case inv.out.json:
		return &jsonView{out: inv.out}
	case inv.out.terminal:
		return newBarsView(inv.out, inv.stderr)
	default:
		return newLinesView(inv.out)
	}
}

// followToEnd shows a job until it has ended. It fails if the job ended
// otherwise than wished.
func (s *session) followToEnd(ctx context.Context, id uuid.UUID, wish model.Status) error {
	view := s.newView()
	defer view.close()
	status, err := s.follow(ctx, id, view)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: job %s goes on; follow it again with: %s watch %s", errInterrupted, id, s.program(), id)
		}
		return err
	}
	if status.Status == wish {
		return nil
	}
	return &endedError{status: status, hint: s.goOn(ctx, status)}
}

// follow shows a job until it has ended, and returns its last status.
func (s *session) follow(ctx context.Context, id uuid.UUID, view view) (*model.JobView, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var failed error
	status, err := s.jobs.Wait(ctx, id, func(j *model.JobView) {
		if failed = view.update(j); failed != nil {
			stop() // there is nobody to show it to
		}
	})
	switch {
	case failed != nil:
		return nil, failed
	case errors.Is(err, engine.ErrDeleted):
		return nil, fmt.Errorf("follow job %s: it was deleted: %w", id, err)
	default:
		return status, err
	}
}

// jsonView writes the status as a line of JSON whenever it has changed.
type jsonView struct {
	out  *printer
	last *model.JobView
}

func (v *jsonView) update(j *model.JobView) error {
	// That a lease has run out changes no row.
	if v.last != nil && j.UpdatedAt.Equal(v.last.UpdatedAt.Time) && j.LeaseExpired == v.last.LeaseExpired {
		return nil
	}
	v.last = j
	return v.out.line(j)
}

func (v *jsonView) close() {}
