package migrations

import (
	"fmt"
	"strings"
)

// Direction selects the script that [SQL] returns.
type Direction string

// Up applies the migrations, Down rolls them back.
const (
	Up   Direction = "up"
	Down Direction = "down"
)

// SQL returns a script with the statements of [Migrate] (Up), or of [Rollback]
// until no migration is applied (Down). It also records the migrations, so that
// Status and Check find them. Each statement ends with a semicolon at the end of
// a line. The script is for the database's own command-line client; its first
// lines name the command.
//
// The script for Up can be run again: it changes nothing if all is applied, and
// completes what an interrupted run or Migrate began. It acquires the same lock
// as Migrate. Unlike Migrate, it does not check that existing tables with our
// names are ours; call Check afterwards.
//
// SQL returns an error that lists the valid values if database or direction is
// unknown.
func SQL(database Database, direction Direction, opts ...Option) (string, error) {
	tables, err := tablesOf(opts)
	if err != nil {
		return "", err
	}
	dialect, err := database.dialect(tables)
	if err != nil {
		return "", err
	}
	var body []string
	switch direction {
	case Up:
		body = dialect.upScript()
	case Down:
		body = dialect.downScript()
	default:
		return "", fmt.Errorf("unknown direction %q: want one of %s", string(direction), joinNames([]Direction{Up, Down}))
	}
	var script strings.Builder
	fmt.Fprintf(&script, "-- The job system's tables on %s: %s.\n", database, direction)
	fmt.Fprintf(&script, "-- Run it with: %s\n", dialect.clientCommand)
	for _, migration := range allMigrations() {
		fmt.Fprintf(&script, "-- %s %s.\n", migration.name, tables.In(migration.action))
	}
	for i, statement := range body {
		body[i] = tables.In(statement)
	}
	for _, statements := range [][]string{dialect.scriptBegin, body, dialect.scriptEnd} {
		for _, statement := range statements {
			script.WriteString("\n" + statement + ";\n")
		}
	}
	return script.String(), nil
}

// insertMigrationFormat is the format of a statement that records the migration
// of the given name, unless it is recorded already.
const insertMigrationFormat = `INSERT INTO job_system_migrations (name, group_id)
SELECT '%[1]s', 1 + COALESCE((SELECT MAX(group_id) FROM job_system_migrations), 0)
FROM (SELECT 1) AS once
WHERE NOT EXISTS (SELECT 1 FROM job_system_migrations WHERE name = '%[1]s')`

func (s databaseDialect) upScript() []string {
	statements := []string{s.createMigrationsTable}
	for _, migration := range allMigrations() {
		for _, step := range migration.up[s.database] {
			if step.skipIfQuery == "" {
				statements = append(statements, step.sql)
			}
		}
		statements = append(statements, fmt.Sprintf(insertMigrationFormat, migration.name))
	}
	return statements
}

func (s databaseDialect) downScript() []string {
	var statements []string
	migrations := allMigrations()
	for i := range migrations {
		migration := migrations[len(migrations)-1-i]
		for _, step := range migration.down[s.database] {
			statements = append(statements, step.sql)
		}
		statements = append(statements,
			fmt.Sprintf(`DELETE FROM %s WHERE name = '%s'`, migrationsTable, migration.name))
	}
	return statements
}
