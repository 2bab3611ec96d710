package migrate

import (
	"context"

	"github.com/uptrace/bun"
	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/migrations"
)

func status(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name: "status", Usage: "list the migrations and whether they are applied",
		Action: app.Action(call, app.ParseNothing, runStatus),
	}
}

func runStatus(ctx context.Context, call *app.Call, _ app.Nothing) error {
	return call.WithDatabase(ctx, app.NeedDatabase, func(db *bun.DB) error {
		states, err := migrations.Status(ctx, db, call.Tables())
		switch {
		case err != nil:
			return err
		case call.Out.JSON:
			return call.Out.Document(states)
		default:
			return call.Out.Print(view.Migrations(call.Out, rows(states)))
		}
	})
}
