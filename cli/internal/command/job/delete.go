package job

import (
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/engine"
)

// Delete returns the command delete.
func Delete(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:      "delete",
		Usage:     "hide a job that is not running",
		ArgsUsage: "ID",
		Description: "The job is neither run nor listed any more, except by list --deleted; its row stays, and its\n" +
			"idempotency key is free again. Prints the job's status.",
		Action: app.Action(call, parseControl, control((*engine.Client).Delete)),
	}
}
