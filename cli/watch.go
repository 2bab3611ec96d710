package cli

import (
	"context"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/model"
)

func (inv *invocation) watchCommand() *urfave.Command {
	return &urfave.Command{
		Name:      "watch",
		Usage:     "follow a job until it ends",
		ArgsUsage: "ID",
		Description: "Draws bars on a terminal; elsewhere writes a line with the time, status, percent, step and message\n" +
			"at each change, what has ended before with the time when it did; and with -o json the job's status\n" +
			"as one line of JSON. Exits with 0 if the job has succeeded, and with 1 if it failed or was\n" +
			"cancelled. Ctrl-C ends the watching, not the job.",
		Action: action(inv, jobArgument, runWatch),
	}
}

func runWatch(ctx context.Context, inv *invocation, id uuid.UUID) error {
	return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
		return s.followToEnd(ctx, id, model.Succeeded)
	})
}
