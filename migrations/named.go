package migrations

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// namedConn is a connection on which the usual names of the tables, and of what is
// named after them, mean those with the prefix.
type namedConn struct {
	conn   bun.IConn
	tables model.Tables
}

// connOn returns conn for tables with these names.
func connOn(tables model.Tables, conn bun.IConn) bun.IConn {
	if tables.Prefix() == "" {
		return conn
	}
	return namedConn{conn, tables}
}

func (c namedConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.conn.QueryContext(ctx, c.tables.In(query), args...)
}

func (c namedConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.conn.ExecContext(ctx, c.tables.In(query), args...)
}

func (c namedConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.conn.QueryRowContext(ctx, c.tables.In(query), args...)
}

// errorInTables is an error whose text names the tables with their prefix.
type errorInTables struct {
	error
	tables model.Tables
}

func (e errorInTables) Error() string { return e.tables.In(e.error.Error()) }

func (e errorInTables) Unwrap() error { return e.error }

// namedError returns err, with the tables' names in its text.
func namedError(tables model.Tables, err error) error {
	if err == nil || tables.Prefix() == "" {
		return err
	}
	return errorInTables{err, tables}
}
