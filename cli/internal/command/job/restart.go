package job

import (
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/engine"
)

// Restart returns the command restart.
func Restart(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:        "restart",
		Usage:       "run a failed or cancelled job again from its first step",
		ArgsUsage:   "ID",
		Description: "Makes the job scheduled and clears its record: all its steps run again. Prints the job's status.",
		Flags:       []urfave.Flag{app.WaitFlag("exit with 1 if it does not succeed")},
		Action:      app.Action(call, parseControl, control((*engine.Client).Restart)),
	}
}
