package cli

import (
	"context"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/uptrace/bun"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
)

func (inv *invocation) migrateStatusCommand() *urfave.Command {
	return &urfave.Command{
		Name: "status", Usage: "list the migrations and whether they are applied",
		Action: action(inv, parseNothing, runMigrateStatus),
	}
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
			applied = fmt.Sprintf("group %d", state.Group)
		}
		if state.Newer {
			applied += ", by a newer version"
		}
		rows[i] = table.Row{state.Name, applied, inv.appliedAt(state), state.Action}
	}
	return inv.out.table(table.Row{"MIGRATION", "APPLIED", "WHEN", "DOES"}, rows)
}

func (inv *invocation) appliedAt(state migrations.State) string {
	return inv.out.when(model.TimeOf(state.AppliedAt))
}
