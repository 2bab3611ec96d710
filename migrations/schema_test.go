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

// kind returns what SQL calls db's kind of database.
func kind(t *testing.T, db *bun.DB) migrations.Database {
	switch db.Dialect().Name() {
	case dialect.SQLite:
		return migrations.SQLite
	case dialect.PG:
		return migrations.PostgreSQL
	}
	if strings.Contains(text(t, db, "SELECT VERSION()"), "MariaDB") {
		return migrations.MariaDB
	}
	return migrations.MySQL
}

func exec(t *testing.T, db bun.IConn, query string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), query)
	require.NoError(t, err, query)
}

// rows returns what a query selects, a line for each row.
func rows(t *testing.T, db bun.IConn, query string) []string {
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

func text(t *testing.T, db bun.IConn, query string) string {
	t.Helper()
	return strings.Join(rows(t, db, query), "\n")
}

// schema returns everything that the catalog says about the tables of db.
func schema(t *testing.T, db *bun.DB) string {
	t.Helper()
	switch db.Dialect().Name() {
	case dialect.SQLite:
		return text(t, db, `SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name`)
	case dialect.PG:
		return strings.Join([]string{
			text(t, db, `SELECT c.relname, c.relkind, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
				a.attcompression, a.attidentity, pg_get_expr(d.adbin, d.adrelid)
				FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
				LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
				WHERE c.relnamespace = current_schema()::regnamespace ORDER BY c.relname, a.attnum`),
			text(t, db, `SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname`),
			text(t, db, `SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint
				WHERE connamespace = current_schema()::regnamespace ORDER BY conname`),
		}, "\n\n")
	}
	var all []string
	for _, table := range rows(t, db, `SELECT table_name FROM information_schema.tables
		WHERE table_schema = DATABASE() ORDER BY table_name`) {
		created := text(t, db, "SHOW CREATE TABLE "+table)
		all = append(all, regexp.MustCompile(` AUTO_INCREMENT=\d+`).ReplaceAllString(created, ""))
	}
	return strings.Join(all, "\n\n")
}

// tables returns the names of the tables of db.
func tables(t *testing.T, db *bun.DB) []string {
	t.Helper()
	switch db.Dialect().Name() {
	case dialect.SQLite:
		return rows(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`)
	case dialect.PG:
		return rows(t, db, `SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename`)
	}
	return rows(t, db, `SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name`)
}

// script returns the statements of a printed script.
func script(t *testing.T, db *bun.DB, direction migrations.Direction) []string {
	t.Helper()
	printed, err := migrations.SQL(kind(t, db), direction)
	require.NoError(t, err)
	printed = regexp.MustCompile(`(?m)^--.*\n`).ReplaceAllString(printed, "")
	var statements []string
	var statement strings.Builder
	for line := range strings.Lines(printed) {
		statement.WriteString(line)
		whole := strings.TrimSpace(statement.String())
		if strings.HasSuffix(whole, ";") && strings.Count(whole, "$$")%2 == 0 {
			statements = append(statements, strings.TrimSuffix(whole, ";"))
			statement.Reset()
		}
	}
	require.Empty(t, strings.TrimSpace(statement.String()), "the script ends with a whole statement")
	return statements
}

// byHand runs statements on one connection, as an administrator's client does.
func byHand(t *testing.T, db *bun.DB, statements []string) {
	t.Helper()
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	for _, statement := range statements {
		exec(t, conn, statement)
	}
}

// making returns the statements of a script that make tables and indexes.
func making(statements []string) []string {
	var found []string
	for _, statement := range statements {
		if strings.HasPrefix(statement, "CREATE ") || strings.HasPrefix(statement, "DO $$") {
			found = append(found, statement)
		}
	}
	return found
}

// watch calls seen before each statement that begins so.
func watch(db *bun.DB, begin string, seen func()) *bun.DB {
	return db.WithQueryHook(hook{begin, seen})
}

type hook struct {
	begin string
	seen  func()
}

func (h hook) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if strings.HasPrefix(event.Query, h.begin) {
		h.seen()
	}
	return ctx
}

func (hook) AfterQuery(context.Context, *bun.QueryEvent) {}

// asking is how the statement begins that asks for the lock.
func asking(db *bun.DB) string {
	switch db.Dialect().Name() {
	case dialect.SQLite:
		return "BEGIN IMMEDIATE"
	case dialect.PG:
		return "SELECT pg_try_advisory"
	}
	return "SELECT GET_LOCK"
}

// hold takes the lock as another process does, over a pool of its own, and
// returns what ends it.
func hold(t *testing.T, dsn string) (release func()) {
	t.Helper()
	pool := testdb.Open(t, dsn)
	held, over := make(chan struct{}), make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		err := migrations.Alone(context.WithoutCancel(t.Context()), pool, func(context.Context, bun.IConn) error {
			close(held)
			<-over
			return nil
		})
		if err != nil {
			t.Errorf("hold the lock: %v", err)
		}
	})
	<-held
	release = sync.OnceFunc(func() { close(over); done.Wait() })
	t.Cleanup(release)
	return release
}

// insert inserts a job with the columns and values given.
func insert(db bun.IConn, ctx context.Context, columns, values string) error {
	_, err := db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO job_system_jobs (%s) VALUES (%s)`, columns, values))
	return err
}
