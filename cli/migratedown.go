package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/migrations"
)

func (inv *invocation) migrateDownCommand() *urfave.Command {
	return &urfave.Command{
		Name: "down", Usage: "undo the newest group of migrations; prints what it undid",
		Description: "Undoing the first migration drops the tables with every job in them. Stop the workers before.",
		Flags:       []urfave.Flag{&urfave.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "really do it", DisableDefaultText: true}},
		Action:      action(inv, parseMigrateDown, runMigrateDown),
	}
}

func parseMigrateDown(c *urfave.Context) (bool, error) { return c.Bool("yes"), noArguments(c) }

func runMigrateDown(ctx context.Context, inv *invocation, yes bool) error {
	if yes {
		return inv.migrate(ctx, needDatabase, migrations.Rollback, "undid")
	}
	return inv.withDatabase(ctx, needDatabase, func(db *bun.DB) error {
		states, err := migrations.Status(ctx, db)
		if err != nil {
			return err
		}
		newest := newestGroup(states)
		if len(newest) == 0 {
			return inv.printChanged(newest, "")
		}
		var does []string
		for _, state := range newest {
			does = append(does, fmt.Sprintf("%s (%s)", state.Name, state.Action))
		}
		return badUsage("migrate down would undo in %s:\n  %s\nadd --yes to do it", dsn.Redact(inv.dsn), strings.Join(does, "\n  "))
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
