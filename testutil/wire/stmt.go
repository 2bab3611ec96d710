package wire

import (
	"context"
	"database/sql/driver"
	"errors"
)

// stmt is a prepared statement with a hook.
type stmt struct {
	driver.Stmt
	text string
	conn *conn
}

var errNoContext = errors.New("the driver's prepared statement takes no context")

// ExecContext runs the statement.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	inner, ok := s.Stmt.(driver.StmtExecContext)
	if !ok {
		return nil, errNoContext
	}
	return around(ctx, s.conn.hook, s.conn.call(s.text, args), func() (driver.Result, error) { return inner.ExecContext(ctx, args) })
}

// QueryContext runs the statement, which returns rows.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	inner, ok := s.Stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, errNoContext
	}
	return s.conn.query(ctx, s.conn.call(s.text, args), func() (driver.Rows, error) { return inner.QueryContext(ctx, args) })
}

// CheckNamedValue calls the statement's method, or else the connection's.
func (s *stmt) CheckNamedValue(value *driver.NamedValue) error {
	if inner, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return s.conn.CheckNamedValue(value)
}
