package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/uptrace/bun"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
)

func (inv *invocation) migrateCommand() *urfave.Command {
	return &urfave.Command{
		Name:  "migrate",
		Usage: "make, update, show or drop the tables",
		Subcommands: []*urfave.Command{
			{
				Name: "up", Usage: "apply what has not been applied; prints what it applied",
				Description: "Safe to run from many processes at once. A SQLite file is made if it is not there.",
				Action:      action(inv, parseNothing, runMigrateUp),
			},
			{
				Name: "down", Usage: "undo the newest group of migrations; prints what it undid",
				Description: "Undoing the first migration drops the tables with every job in them. Stop the workers before.",
				Flags:       []urfave.Flag{&urfave.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "really do it", DisableDefaultText: true}},
				Action:      action(inv, parseMigrateDown, runMigrateDown),
			},
			{Name: "status", Usage: "list the migrations and whether they are applied", Action: action(inv, parseNothing, runMigrateStatus)},
			{
				Name: "sql", Usage: "print a script that does it by hand; connects to nothing",
				Flags: []urfave.Flag{
					&urfave.StringFlag{Name: "database", Usage: "for that `KIND` of database: " + kindNames(), DefaultText: "that of --dsn"},
					&urfave.StringFlag{Name: "direction", Usage: "`up` or down", Value: string(migrations.Up), DefaultText: "up"},
				},
				Action: action(inv, parseMigrateSQL, runMigrateSQL),
			},
		},
	}
}

func kindNames() string {
	var names []string
	for _, kind := range migrations.Databases() {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

func runMigrateUp(ctx context.Context, inv *invocation, _ nothing) error {
	return inv.migrate(ctx, needAnything, migrations.Migrate, "applied")
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
			return badUsage("migrate down: nothing is applied to %s", dsn.Redact(inv.dsn))
		}
		var does []string
		for _, state := range newest {
			does = append(does, fmt.Sprintf("%s (%s)", state.Name, state.Does))
		}
		return badUsage("migrate down would undo in %s:\n  %s\nadd --yes to do it", dsn.Redact(inv.dsn), strings.Join(does, "\n  "))
	})
}

// newestGroup returns the migrations that a rollback would undo.
func newestGroup(states []migrations.State) []migrations.State {
	var newest []migrations.State
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
		changed := changedStates(before, after)
		return inv.out.result(changed, func() error {
			if len(changed) == 0 {
				return inv.out.printf("nothing to do\n")
			}
			for _, state := range changed {
				if err := inv.out.printf("%s %s: %s\n", verb, state.Name, state.Does); err != nil {
					return err
				}
			}
			return nil
		})
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

func runMigrateStatus(ctx context.Context, inv *invocation, _ nothing) error {
	return inv.withDatabase(ctx, needDatabase, func(db *bun.DB) error {
		states, err := migrations.Status(ctx, db)
		if err != nil {
			return err
		}
		return inv.out.result(states, func() error { return inv.printStates(states) })
	})
}

func (inv *invocation) printStates(states []migrations.State) error {
	rows := make([]table.Row, len(states))
	for i, state := range states {
		applied := "no"
		if state.Applied() {
			applied = "group " + fmt.Sprint(state.Group)
		}
		rows[i] = table.Row{state.Name, applied, inv.appliedAt(state), state.Does}
	}
	return inv.out.table(table.Row{"MIGRATION", "APPLIED", "WHEN", "DOES"}, rows)
}

func (inv *invocation) appliedAt(state migrations.State) string {
	return inv.out.when(model.At(state.AppliedAt))
}

type sqlRequest struct {
	database  migrations.Database // empty for that of the DSN
	direction migrations.Direction
}

func parseMigrateSQL(c *urfave.Context) (sqlRequest, error) {
	r := sqlRequest{database: migrations.Database(c.String("database")), direction: migrations.Direction(c.String("direction"))}
	if err := noArguments(c); err != nil || r.database == "" {
		return r, err
	}
	_, err := migrations.SQL(r.database, r.direction)
	return r, err
}

func runMigrateSQL(_ context.Context, inv *invocation, r sqlRequest) error {
	if r.database == "" {
		r.database = databaseOf(inv.dsn)
	}
	script, err := migrations.SQL(r.database, r.direction)
	if err != nil {
		return badUsage("migrate sql: %w", err)
	}
	return inv.out.printf("%s", script)
}
