package cli

import (
	"context"
	"os"
	"os/user"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/model"
)

type cancelRequest struct {
	controlRequest
	by, reason string
}

func (inv *invocation) cancelCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "cancel",
		Usage:     "cancel a job",
		ArgsUsage: "ID",
		Description: "A scheduled job is cancelled at once; a processing one when the step under way has returned.\n" +
			"Prints the job's status.",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "by", Usage: "the `NAME` of who asks, as recorded with the job", DefaultText: "the user of the operating system"},
			&urfave.StringFlag{Name: "reason", Usage: "the `TEXT` that says why, as recorded with the job"},
			waitFlag("exit with 1 if it ends otherwise than cancelled"),
		},
		Action: action(inv, parseCancel, runCancel),
	}
}

func parseCancel(c *urfave.Context) (cancelRequest, error) {
	control, err := parseControl(c)
	r := cancelRequest{controlRequest: control, by: c.String("by"), reason: c.String("reason")}
	if !c.IsSet("by") {
		r.by = osUser()
	}
	return r, err
}

// osUser is the name of the user of the operating system, empty if unknown.
func osUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}

func runCancel(ctx context.Context, inv *invocation, r cancelRequest) error {
	return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
		if err := s.jobs.Cancel(ctx, r.id, r.by, r.reason); err != nil {
			return err
		}
		return s.printOutcome(ctx, r.controlRequest, model.Cancelled, outcome)
	})
}
