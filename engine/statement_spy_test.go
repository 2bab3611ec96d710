package engine_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// openOverheard opens a test database whose driver tells hear each statement, as
// it is sent. Bun's own hooks are not told of prepared ones.
func openOverheard(t *testing.T, kind testdb.Kind, hear func(query string)) *bun.DB {
	t.Helper()
	return openFailing(t, kind, func(query string) error { hear(query); return nil })
}

// openFailing is openOverheard where hear may have a statement fail, in which
// case it is not sent. It is told of BEGIN and COMMIT as well.
func openFailing(t *testing.T, kind testdb.Kind, hear func(query string) error) *bun.DB {
	t.Helper()
	plain := testdb.Open(t, testdb.DSN(t, kind))
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
	hear  func(query string) error
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
	hear     func(query string) error
	borrowed *sql.Conn
}

func (c overheardConn) Close() error { return c.borrowed.Close() }

func (c overheardConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.hear("BEGIN"); err != nil {
		return nil, err
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return overheardTx{tx, c.hear}, err
}

type overheardTx struct {
	driver.Tx
	hear func(query string) error
}

func (t overheardTx) Commit() error {
	if err := t.hear("COMMIT"); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	return t.Tx.Commit()
}

func (c overheardConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.hear(query); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c overheardConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.hear(query); err != nil {
		return nil, err
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c overheardConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return overheardStmt{stmt, query, c.hear}, err
}

type overheardStmt struct {
	driver.Stmt
	query string
	hear  func(query string) error
}

func (s overheardStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.hear(s.query); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s overheardStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.hear(s.query); err != nil {
		return nil, err
	}
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}
