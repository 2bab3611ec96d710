package cli

import (
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/engine"
)

func (inv *invocation) restartCommand() *urfave.Command {
	return &urfave.Command{
		Name:        "restart",
		Usage:       "let a failed or cancelled job begin anew",
		ArgsUsage:   "ID",
		Description: "The job becomes scheduled without its record: all its steps run again. Prints the job's status.",
		Flags:       []urfave.Flag{waitFlag("exit with 1 if it does not succeed")},
		Action:      action(inv, parseControl, control((*engine.Client).Restart)),
	}
}
