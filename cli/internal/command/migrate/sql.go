package migrate

import (
	"context"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/migrations"
)

func sql(call *app.Call) *urfave.Command {
	return &urfave.Command{
		Name: "sql", Usage: "print the migrations as an SQL script; connects to nothing",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "database", Usage: "for that `KIND` of database: " + kindNames(), DefaultText: "that of --dsn"},
			&urfave.StringFlag{Name: "direction", Usage: "`DIRECTION`: up or down", Value: string(migrations.Up), DefaultText: "up"},
		},
		Action: app.Action(call, parseSQL, runSQL),
	}
}

func kindNames() string {
	var names []string
	for _, kind := range migrations.Databases() {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

// sqlRequest is what migrate sql is asked for.
type sqlRequest struct {
	database  migrations.Database // empty for that of the DSN
	direction migrations.Direction
}

func parseSQL(c *urfave.Context) (sqlRequest, error) {
	r := sqlRequest{database: migrations.Database(c.String("database")), direction: migrations.Direction(c.String("direction"))}
	if err := app.NoArguments(c); err != nil || r.database == "" {
		return r, err
	}
	_, err := migrations.SQL(r.database, r.direction)
	return r, err
}

func runSQL(_ context.Context, call *app.Call, r sqlRequest) error {
	if r.database == "" {
		r.database = call.DatabaseKind()
	}
	script, err := migrations.SQL(r.database, r.direction, call.Tables())
	if err != nil {
		return app.BadUsage("migrate sql: %w", err)
	}
	return call.Out.Print(script)
}
