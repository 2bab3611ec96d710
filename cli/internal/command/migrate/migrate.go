package migrate

import (
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
)

// Command returns the command migrate with its subcommands.
func Command(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:        "migrate",
		Usage:       "make, update, show or drop the tables",
		Subcommands: []*urfave.Command{up(call), down(call), status(call), sql(call)},
	}
}
