package job

import (
	"context"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
)

// Types returns the command types.
func Types(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name:        "types",
		Usage:       "list the job types with the number of their jobs",
		Description: "Marks those that this binary can run as registered.",
		Action:      app.Action(call, app.ParseNothing, runTypes),
	}
}

func runTypes(ctx context.Context, call *app.Call, _ app.Nothing) error {
	return call.WithSession(ctx, app.NeedTables, func(s *app.Session) error {
		types, err := s.Jobs.Types(ctx)
		switch {
		case err != nil:
			return err
		case s.Out.JSON:
			return s.Out.Document(types)
		case len(types) == 0:
			s.Note("no types: this binary has none, and the database no jobs")
			return nil
		}
		rows := make([]view.Type, len(types))
		for i, t := range types {
			rows[i] = view.Type(t)
		}
		return s.Out.Print(view.Types(s.Out, rows))
	})
}
