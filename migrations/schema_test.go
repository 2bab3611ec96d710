package migrations_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// databaseOf returns the kind of database that db is.
func databaseOf(t *testing.T, db *bun.DB) migrations.Database {
	switch db.Dialect().Name() {
	case dialect.SQLite:
		return migrations.SQLite
	case dialect.PG:
		return migrations.PostgreSQL
	}
	if strings.Contains(queryText(t, db, "SELECT VERSION()"), "MariaDB") {
		return migrations.MariaDB
	}
	return migrations.MySQL
}

func exec(t *testing.T, db bun.IConn, query string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), query)
	require.NoError(t, err, query)
}

// queryRows returns the rows that a query selects, one line for each.
func queryRows(t *testing.T, db bun.IConn, query string) []string {
	t.Helper()
	result, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err, query)
	defer result.Close()
	columns, err := result.Columns()
	require.NoError(t, err)
	var lines []string
	for result.Next() {
		values := make([]sql.NullString, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		require.NoError(t, result.Scan(targets...))
		var fields []string
		for _, value := range values {
			fields = append(fields, value.String)
		}
		lines = append(lines, strings.Join(fields, " | "))
	}
	require.NoError(t, result.Err())
	return lines
}

func queryText(t *testing.T, db bun.IConn, query string) string {
	t.Helper()
	return strings.Join(queryRows(t, db, query), "\n")
}

// schema returns the definitions of all tables, indexes and constraints of db.
func schema(t *testing.T, db *bun.DB) string {
	t.Helper()
	switch db.Dialect().Name() {
	case dialect.SQLite:
		return queryText(t, db, `SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name`)
	case dialect.PG:
		return strings.Join([]string{
			queryText(t, db, `SELECT c.relname, c.relkind, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
				a.attcompression, a.attidentity, pg_get_expr(d.adbin, d.adrelid)
				FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
				LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
				WHERE c.relnamespace = current_schema()::regnamespace ORDER BY c.relname, a.attnum`),
			queryText(t, db, `SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname`),
			queryText(t, db, `SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
				WHERE connamespace = current_schema()::regnamespace ORDER BY conname`),
		}, "\n\n")
	}
	var all []string
	for _, table := range queryRows(t, db, `SELECT table_name FROM information_schema.tables
		WHERE table_schema = DATABASE() ORDER BY table_name`) {
		created := queryText(t, db, "SHOW CREATE TABLE "+table)
		all = append(all, regexp.MustCompile(` AUTO_INCREMENT=\d+`).ReplaceAllString(created, ""))
	}
	return strings.Join(all, "\n\n")
}

// tables returns the names of the tables of db.
func tables(t *testing.T, db *bun.DB) []string {
	t.Helper()
	switch db.Dialect().Name() {
	case dialect.SQLite:
		return queryRows(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`)
	case dialect.PG:
		return queryRows(t, db, `SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename`)
	}
	return queryRows(t, db, `SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name`)
}

// scriptStatements returns the statements of a printed script.
func scriptStatements(t *testing.T, db *bun.DB, direction migrations.Direction) []string {
	t.Helper()
	printed, err := migrations.SQL(databaseOf(t, db), direction)
	require.NoError(t, err)
	printed = regexp.MustCompile(`(?m)^--.*\n`).ReplaceAllString(printed, "")
	var statements []string
	var statement strings.Builder
	for line := range strings.Lines(printed) {
		statement.WriteString(line)
		text := strings.TrimSpace(statement.String())
		if strings.HasSuffix(text, ";") && strings.Count(text, "$$")%2 == 0 {
			statements = append(statements, strings.TrimSuffix(text, ";"))
			statement.Reset()
		}
	}
	require.Empty(t, strings.TrimSpace(statement.String()), "the script ends with a complete statement")
	return statements
}

// runStatements executes statements on one connection, as an administrator's
// client does.
func runStatements(t *testing.T, db *bun.DB, statements []string) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	for _, statement := range statements {
		exec(t, conn, statement)
	}
}

// createStatements returns the statements of a script that create or alter tables
// and indexes.
func createStatements(statements []string) []string {
	var found []string
	for _, statement := range statements {
		if strings.HasPrefix(statement, "CREATE ") || strings.HasPrefix(statement, "DO $$") {
			found = append(found, statement)
		}
	}
	return found
}

// onQuery calls do before each statement that starts with prefix.
func onQuery(db *bun.DB, prefix string, do func()) *bun.DB {
	return db.WithQueryHook(queryHook{prefix, do})
}

type queryHook struct {
	prefix string
	do     func()
}

func (h queryHook) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if strings.HasPrefix(event.Query, h.prefix) {
		h.do()
	}
	return ctx
}

func (queryHook) AfterQuery(context.Context, *bun.QueryEvent) {}

// lockQueryPrefix returns the first words of the statement that acquires the lock.
func lockQueryPrefix(db *bun.DB) string {
	switch db.Dialect().Name() {
	case dialect.SQLite:
		return "BEGIN IMMEDIATE"
	case dialect.PG:
		return "SELECT pg_try_advisory"
	}
	return "SELECT GET_LOCK"
}

// holdLock acquires the lock like another process, on a pool of its own. It returns
// a function that releases the lock.
func holdLock(t *testing.T, dsn string) (release func()) {
	t.Helper()
	pool := testdb.Open(t, dsn)
	acquired, released := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		err := migrations.WithLock(context.WithoutCancel(t.Context()), pool, func(context.Context, bun.IConn) error {
			close(acquired)
			<-released
			return nil
		})
		if err != nil {
			t.Errorf("hold the lock: %v", err)
		}
	})
	<-acquired
	release = sync.OnceFunc(func() { close(released); done.Wait() })
	t.Cleanup(release)
	return release
}

// insert inserts a job with the given columns and values.
func insert(db bun.IConn, ctx context.Context, columns, values string) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO job_system_jobs (%s) VALUES (%s)`, columns, values))
	return err
}
