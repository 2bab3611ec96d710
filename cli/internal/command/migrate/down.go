package migrate

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/migrations"
)

func down(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name: "down", Usage: "undo the newest group of migrations, and print them",
		Description: "Undoing the first migration drops the tables with every job in them. Stop the workers before.",
		Flags:       []urfave.Flag{&urfave.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "really do it", DisableDefaultText: true}},
		Action:      app.Action(call, parseDown, runDown),
	}
}

func parseDown(c *urfave.Context) (yes bool, err error) { return c.Bool("yes"), app.NoArguments(c) }

func runDown(ctx context.Context, call *app.Call, yes bool) error {
	if yes {
		return change(ctx, call, app.NeedDatabase, migrations.Rollback, "undid")
	}
	return call.WithDatabase(ctx, app.NeedDatabase, func(db *bun.DB) error {
		states, err := migrations.Status(ctx, db, call.Tables())
		if err != nil {
			return err
		}
		newest := newestGroup(states)
		if len(newest) == 0 {
			return printChanged(call.Out, newest, "")
		}
		var actions []string
		for _, state := range newest {
			actions = append(actions, fmt.Sprintf("%s (%s)", state.Name, state.Action))
		}
		return app.BadUsage("migrate down would undo in %s:\n  %s\nadd --yes to do it", call.Database(), strings.Join(actions, "\n  "))
	})
}

// newestGroup returns the migrations that a rollback would undo.
func newestGroup(states []migrations.State) []migrations.State {
	newest := []migrations.State{}
	for _, state := range states {
		switch {
		case !state.Applied() || len(newest) > 0 && state.Group < newest[0].Group:
		case len(newest) > 0 && state.Group == newest[0].Group:
			newest = append(newest, state)
		default:
			newest = []migrations.State{state}
		}
	}
	return newest
}
