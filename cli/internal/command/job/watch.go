package job

import (
	"context"

	"github.com/google/uuid"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/model"
)

// Watch returns the command watch.
func Watch(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:      "watch",
		Usage:     "follow a job until it ends",
		ArgsUsage: "ID",
		Description: "Draws bars on a terminal. Elsewhere writes a line with the time, status, percent, step and message\n" +
			"at each change; a step that has ended before gets the time when it did. With -o json writes the\n" +
			"job's status as one line of JSON. Exits with 0 if the job succeeds, and with 1 if it fails, is\n" +
			"cancelled or is deleted. Ctrl-C ends the command, not the job.",
		Action: app.Action(call, app.JobArgument, runWatch),
	}
}

func runWatch(ctx context.Context, call *app.Call, id uuid.UUID) error {
	return call.WithSession(ctx, app.NeedTables, func(s *app.Session) error {
		return followToEnd(ctx, s, id, model.Succeeded)
	})
}
