package cli

import (
	"context"

	"github.com/jedib0t/go-pretty/v6/table"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
)

func (inv *invocation) typesCommand() *urfave.Command {
	return &urfave.Command{
		Name:        "types",
		Usage:       "list the job types with the number of their jobs",
		Description: "Those that this binary can run are marked as registered.",
		Action:      action(inv, parseNothing, runTypes),
	}
}

// nothing is what a command without flags and arguments is asked for.
type nothing struct{}

func parseNothing(c *urfave.Context) (nothing, error) { return nothing{}, noArguments(c) }

func runTypes(ctx context.Context, inv *invocation, _ nothing) error {
	return inv.withSession(ctx, inv.controls(needTables), func(s *session) error {
		types, err := s.jobs.Types(ctx)
		if err != nil {
			return err
		}
		return s.out.result(types, func() error { return s.printTypes(types) })
	})
}

func (s *session) printTypes(types []engine.TypeSummary) error {
	if len(types) == 0 {
		s.note("no types: this binary has none, and the database no jobs")
		return nil
	}
	header := table.Row{"TYPE", "REGISTERED"}
	for _, status := range model.Statuses() {
		header = append(header, string(status))
	}
	rows := make([]table.Row, len(types))
	for i, t := range types {
		rows[i] = table.Row{clean(t.Type), yesNo(t.Registered)}
		for _, status := range model.Statuses() {
			rows[i] = append(rows[i], t.Jobs[status])
		}
	}
	return s.out.table(header, rows)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
