package migrations

import (
	"fmt"
	"strings"
)

// Direction is what a script of [SQL] does.
type Direction string

// The directions.
const (
	Up   Direction = "up"
	Down Direction = "down"
)

// SQL returns a script that does by hand what [Migrate] does (Up), or what
// [Rollback] does until nothing is applied (Down): all migrations with their
// bookkeeping, so that Status and Check find them. It ends each statement with a
// semicolon at the end of a line, and is for the database's own client, as its
// first lines say.
//
// The script for Up can be run again: it changes nothing where it has been run,
// and finishes what Migrate or it has begun. It takes the lock that Migrate
// takes. It does not look, as Migrate does, whether a table with one of our
// names is ours; Check does afterwards.
//
// SQL fails if the database or the direction is none of those of this package,
// and names those that are.
func SQL(database Database, direction Direction) (string, error) {
	server, err := database.server()
	if err != nil {
		return "", err
	}
	var body []string
	switch direction {
	case Up:
		body = server.upScript()
	case Down:
		body = server.downScript()
	default:
		return "", fmt.Errorf("no such direction: %q (there are %s)", string(direction), list([]Direction{Up, Down}))
	}
	var script strings.Builder
	fmt.Fprintf(&script, "-- The job system's tables on %s: %s.\n", database, direction)
	fmt.Fprintf(&script, "-- Run it with: %s\n", server.client)
	for _, migration := range all() {
		fmt.Fprintf(&script, "-- %s %s.\n", migration.name, migration.does)
	}
	for _, statements := range [][]string{server.opening, body, server.closing} {
		for _, statement := range statements {
			script.WriteString("\n" + statement + ";\n")
		}
	}
	return script.String(), nil
}

// applied records a migration, given its name, unless it is recorded.
const applied = `INSERT INTO job_system_migrations (name, group_id)
SELECT '%[1]s', 1 + COALESCE((SELECT MAX(group_id) FROM job_system_migrations), 0)
FROM (SELECT 1) AS once
WHERE NOT EXISTS (SELECT 1 FROM job_system_migrations WHERE name = '%[1]s')`

func (s server) upScript() []string {
	statements := []string{s.bookkeeping}
	for _, migration := range all() {
		for _, step := range migration.up[s.database] {
			if step.skip == "" {
				statements = append(statements, step.sql)
			}
		}
		statements = append(statements, fmt.Sprintf(applied, migration.name))
	}
	return statements
}

func (s server) downScript() []string {
	var statements []string
	migrations := all()
	for i := range migrations {
		migration := migrations[len(migrations)-1-i]
		for _, step := range migration.down[s.database] {
			statements = append(statements, step.sql)
		}
		statements = append(statements,
			fmt.Sprintf(`DELETE FROM %s WHERE name = '%s'`, bookkeepingTable, migration.name))
	}
	return statements
}
