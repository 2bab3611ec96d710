package job

import (
	"context"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/model"
)

// cancelRequest is what cancel is asked for.
type cancelRequest struct {
	controlRequest
	by, reason string
}

// Cancel returns the command cancel.
func Cancel(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:      "cancel",
		Usage:     "cancel a job",
		ArgsUsage: "ID",
		Description: "A scheduled job is cancelled at once; a processing one when the step under way has returned.\n" +
			"Prints the job's status.",
		Flags: []urfave.Flag{
			app.ByFlag("who asks"),
			&urfave.StringFlag{Name: "reason", Usage: "the `TEXT` that says why, as recorded with the job"},
			app.WaitFlag("exit with 1 if it ends otherwise than cancelled"),
		},
		Action: app.Action(call, parseCancel, runCancel),
	}
}

func parseCancel(c *urfave.Context) (cancelRequest, error) {
	control, err := parseControl(c)
	return cancelRequest{controlRequest: control, by: app.By(c), reason: c.String("reason")}, err
}

func runCancel(ctx context.Context, call *app.Call, r cancelRequest) error {
	return call.WithSession(ctx, app.NeedTables, func(s *app.Session) error {
		if err := s.Jobs.Cancel(ctx, r.id, r.by, r.reason); err != nil {
			return err
		}
		return printOutcome(ctx, s, r.controlRequest, model.Cancelled, view.Outcome)
	})
}
