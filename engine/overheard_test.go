package engine_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/testutil"
)

// openOverheard opens a test database whose driver tells hear each statement, as
// it is sent. Bun's own hooks are not told of prepared ones.
func openOverheard(t *testing.T, kind testutil.Kind, hear func(query string)) *bun.DB {
	t.Helper()
	plain := testutil.Open(t, testutil.DSN(t, kind))
	pool := sql.OpenDB(overheard{plain, hear})
	pool.SetMaxOpenConns(plain.DB.Stats().MaxOpenConnections)
	db := bun.NewDB(pool, plain.Dialect())
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// overheard connects by borrowing the connections of another pool, so that they
// have its settings.
type overheard struct {
	plain *bun.DB
	hear  func(query string)
}

func (o overheard) Connect(ctx context.Context) (driver.Conn, error) {
	borrowed, err := o.plain.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := overheardConn{hear: o.hear, borrowed: borrowed}
	err = borrowed.Raw(func(conn any) error {
		c.Conn = conn.(driver.Conn)
		return nil
	})
	return c, err
}

func (o overheard) Driver() driver.Driver { return o.plain.Driver() }

type overheardConn struct {
	driver.Conn
	hear     func(query string)
	borrowed *sql.Conn
}

func (c overheardConn) Close() error { return c.borrowed.Close() }

func (c overheardConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.hear("BEGIN")
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
}

func (c overheardConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.hear(query)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c overheardConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.hear(query)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c overheardConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return overheardStmt{stmt, query, c.hear}, err
}

type overheardStmt struct {
	driver.Stmt
	query string
	hear  func(query string)
}

func (s overheardStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.hear(s.query)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s overheardStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.hear(s.query)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}
