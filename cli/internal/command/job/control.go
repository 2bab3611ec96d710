package job

import (
	"context"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// controlRequest is what the commands are asked for that change one job.
type controlRequest struct {
	id   uuid.UUID
	wait bool
}

func parseControl(c *urfave.Context) (controlRequest, error) {
	id, err := app.JobArgument(c)
	return controlRequest{id: id, wait: c.Bool("wait")}, err
}

// control returns the second half of such a command: change does the work.
func control(change func(*engine.Client, context.Context, uuid.UUID) error) func(context.Context, *app.Call, controlRequest) error {
	return func(ctx context.Context, call *app.Call, r controlRequest) error {
		return call.WithSession(ctx, app.NeedTables, func(s *app.Session) error {
			if err := change(s.Jobs, ctx, r.id); err != nil {
				return err
			}
			return printOutcome(ctx, s, r, model.Succeeded, view.Outcome)
		})
	}
}

// printOutcome prints a job's status after it was changed, in these words, or
// follows the job if that is wished.
func printOutcome(ctx context.Context, s *app.Session, r controlRequest, wish model.Status, words func(*model.JobView) string) error {
	if r.wait {
		return followToEnd(ctx, s, r.id, wish) // its first line is the status
	}
	status, err := s.Jobs.Status(ctx, r.id)
	switch {
	case err != nil:
		return err
	case s.Out.JSON:
		return s.Out.Document(status)
	default:
		return s.Out.Print(words(status))
	}
}
