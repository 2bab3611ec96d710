package cli

import (
	"context"
	"strings"

	urfave "github.com/urfave/cli/v2"

	"github.com/ntxdev/jobsystem/migrations"
)

func (inv *invocation) migrateSQLCommand() *urfave.Command {
	return &urfave.Command{
		Name: "sql", Usage: "print a script that does it by hand; connects to nothing",
		Flags: []urfave.Flag{
			&urfave.StringFlag{Name: "database", Usage: "for that `KIND` of database: " + kindNames(), DefaultText: "that of --dsn"},
			&urfave.StringFlag{Name: "direction", Usage: "`DIRECTION`: up or down", Value: string(migrations.Up), DefaultText: "up"},
		},
		Action: action(inv, parseMigrateSQL, runMigrateSQL),
	}
}

func kindNames() string {
	var names []string
	for _, kind := range migrations.Databases() {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
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
