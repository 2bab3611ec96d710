package migrate

import (
	"context"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/migrations"
)

func up(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name: "up", Usage: "apply the migrations that are missing, and print them",
		Description: "Safe to run from many processes at once. A SQLite file is made if it is not there.",
		Action:      app.Action(call, app.ParseNothing, runUp),
	}
}

func runUp(ctx context.Context, call *app.Call, _ app.Nothing) error {
	return change(ctx, call, app.NeedAnything, migrations.Migrate, "applied")
}
