package cli

import (
	"context"

	"github.com/uptrace/bun"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/migrations"
)

func (inv *invocation) migrateCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "migrate",
		Usage: "make, update, show or drop the tables",
		Subcommands: []*urfave.Command{
			inv.migrateUpCommand(),
			inv.migrateDownCommand(),
			inv.migrateStatusCommand(),
			inv.migrateSQLCommand(),
		},
	}
}

func (inv *invocation) migrateUpCommand() *urfave.Command {
	return &urfave.Command{
		Name: "up", Usage: "apply what has not been applied; prints what it applied",
		Description: "Safe to run from many processes at once. A SQLite file is made if it is not there.",
		Action:      action(inv, parseNothing, runMigrateUp),
	}
}

func runMigrateUp(ctx context.Context, inv *invocation, _ nothing) error {
	return inv.migrate(ctx, needAnything, migrations.Migrate, "applied")
}

// migrate does a change and prints the migrations that it changed.
func (inv *invocation) migrate(ctx context.Context, need need, change func(context.Context, *bun.DB) error, verb string) error {
	return inv.withDatabase(ctx, need, func(db *bun.DB) error {
		before, err := migrations.Status(ctx, db)
		if err != nil {
			return err
		}
		if err := change(ctx, db); err != nil {
			return err
		}
		after, err := migrations.Status(ctx, db)
		if err != nil {
			return err
		}
		return inv.printChanged(changedStates(before, after), verb)
	})
}

func (inv *invocation) printChanged(changed []migrations.State, verb string) error {
	return inv.out.result(changed, func() error {
		if len(changed) == 0 {
			return inv.out.printf("nothing to do\n")
		}
		for _, state := range changed {
			if err := inv.out.printf("%s %s: %s\n", verb, state.Name, state.Action); err != nil {
				return err
			}
		}
		return nil
	})
}

// changedStates returns the states that are applied in one list only.
func changedStates(before, after []migrations.State) []migrations.State {
	applied := make(map[string]bool)
	for _, state := range before {
		applied[state.Name] = state.Applied()
	}
	changed := []migrations.State{}
	for _, state := range after {
		if state.Applied() != applied[state.Name] {
			changed = append(changed, state)
		}
	}
	return changed
}
