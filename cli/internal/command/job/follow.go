package job

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/model"
)

// followToEnd shows a job until it has ended. It fails if the job ended otherwise
// than wished.
func followToEnd(ctx context.Context, s *app.Session, id uuid.UUID, wish model.Status) error {
	live := view.NewLive(s.Out, s.Stderr)
	defer live.Close()
	status, err := s.Follow(ctx, id, live)
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("%w: job %s continues; follow it again with: %s watch %s", app.ErrInterrupted, id, s.Program(), id)
	case err != nil:
		return err
	case status.Status != wish:
		return app.JobEnded(view.Ended(status, s.ResumeHint(ctx, status)))
	default:
		return nil
	}
}
