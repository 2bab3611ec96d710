package cli

import (
	"context"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

// controlRequest is what the commands want to know that change one job.
type controlRequest struct {
	id   uuid.UUID
	wait bool
}

func parseControl(c *urfave.Context) (controlRequest, error) {
	id, err := jobArgument(c)
	return controlRequest{id: id, wait: c.Bool("wait")}, err
}

// control returns the second half of such a command: change does the work.
func control(change func(*engine.Client, context.Context, uuid.UUID) error) func(context.Context, *invocation, controlRequest) error {
	return func(ctx context.Context, inv *invocation, r controlRequest) error {
		return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
			if err := change(s.jobs, ctx, r.id); err != nil {
				return err
			}
			return s.printOutcome(ctx, r, model.Succeeded, outcome)
		})
	}
}

// printOutcome prints a job's status after it was changed, as tell words it, and
// follows the job if that is wished.
func (s *session) printOutcome(ctx context.Context, r controlRequest, wish model.Status, tell func(*model.JobView) string) error {
	if r.wait {
		return s.followToEnd(ctx, r.id, wish) // its first line is the status
	}
	status, err := s.jobs.Status(ctx, r.id)
	if err != nil {
		return err
	}
	return s.out.result(status, func() error {
		return s.out.printf("job %s is %s\n", r.id, tell(status))
	})
}

// outcome tells a job's status with what it means after a command.
func outcome(j *model.JobView) string {
	switch {
	case !j.DeletedAt.IsZero():
		return state(j)
	case j.Status == model.Scheduled && j.CancelRequested:
		return state(j) + ": it becomes cancelled when what it has begun has ended"
	case j.Status == model.Processing && j.CancelRequested && !j.LeaseExpired:
		return state(j) + ": it becomes cancelled when the step under way has returned"
	default:
		return state(j)
	}
}
