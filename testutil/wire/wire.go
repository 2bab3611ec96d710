// Package wire stands between database/sql and a driver: it has a hook be told
// of each statement, before it goes to the database and after its answer has
// come, which may refuse the one, withhold the other, wait, or end the process.
// Everything else passes through as it is, for the drivers of SQLite, PostgreSQL,
// MySQL and MariaDB that this module uses.
//
//	db = wire.Through(db, hook) // an open database
//	beside := wire.Beside(db, 4, hook) // some of its connections
//	pool := sql.OpenDB(wire.Connector(connector, hook))
//
// It may import the standard library and Bun. Nothing but testutil and tests may
// import it.
package wire

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// Kind is what is asked of the database.
type Kind int

// The kinds of calls. What prepares a statement is none: it changes nothing.
const (
	Statement Kind = iota
	Begin
	Commit
	Rollback
)

// Call is one thing that is asked of the database.
type Call struct {
	Kind Kind
	// Text is the statement's, as the driver gets it; BEGIN, COMMIT or ROLLBACK
	// for the others.
	Text string
	// Tx is the transaction that it belongs to, and takes effect with, counted
	// from 1; 0 is none.
	Tx uint64
}

// Hook is told of all calls of a database. It is used by many goroutines at once.
type Hook interface {
	// Before is called before the call is made. With an error that is what the
	// caller gets, and nothing is asked of the database; a commit so refused is a
	// rollback.
	Before(ctx context.Context, call Call) error
	// After is called after the call has taken its effect, with the driver's
	// error, and before the caller sees any of the answer: rows have been read
	// then. Its error takes the place of the driver's answer. A call with the
	// error [driver.ErrSkip] has not been made, and comes again as another.
	After(ctx context.Context, call Call, err error) error
}

// Connector is inner with a hook.
func Connector(inner driver.Connector, hook Hook) driver.Connector {
	return connector{inner, &hooked{Hook: hook}}
}

// hooked is the hook of a database, and what is counted there.
type hooked struct {
	Hook
	transactions atomic.Uint64
}

type connector struct {
	driver.Connector
	hook *hooked
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return newConn(inner, c.hook, inner.Close)
}

// Close closes what the connector connects through; see [sql.DB.Close].
func (c connector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// around makes a call between its hooks.
func around[T any](ctx context.Context, hook *hooked, call Call, do func() (T, error)) (answer T, err error) {
	if err := hook.Before(ctx, call); err != nil {
		return answer, err
	}
	answer, err = do()
	if replaced := hook.After(ctx, call, err); replaced != nil {
		var none T
		return none, replaced
	}
	return answer, err
}

// full is what the connections of all those drivers are.
type full interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

func newConn(inner driver.Conn, hook *hooked, release func() error) (*conn, error) {
	whole, ok := inner.(full)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's connection %T lacks a method that takes a context", inner), release())
	}
	return &conn{full: whole, hook: hook, release: release}, nil
}
