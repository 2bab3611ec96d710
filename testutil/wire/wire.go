// Package wire wraps a driver of database/sql: it calls a hook before each statement
// is sent to the database and after its answer has come. The hook may make the call
// fail, lose its answer, wait, or end the process. Everything else reaches the driver
// unchanged, for the drivers of SQLite, PostgreSQL, MySQL and MariaDB that this module
// uses.
//
//	db = wire.Through(db, hook) // an open database
//	beside := wire.Beside(db, 4, hook) // some of its connections
//	pool := sql.OpenDB(wire.Connector(connector, hook))
//
// It is the one way in which this module's tests see and fail statements. Bun's own
// query hooks do not see prepared statements, and cannot lose an answer.
//
// It may import the standard library and Bun. Only testutil and tests may import it.
package wire

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// Kind is the kind of a call.
type Kind int

// The kinds of calls. Preparing a statement is no call: it changes nothing.
const (
	Statement Kind = iota
	Begin
	Commit
	Rollback
)

// Call is one call to the database.
type Call struct {
	Kind Kind
	// Text is the text of a statement, as the driver gets it; BEGIN, COMMIT or
	// ROLLBACK for the other kinds.
	Text string
	// Args are the arguments of a statement, nil if it has none.
	Args []driver.NamedValue
	// Tx is the number of the transaction with which the call takes effect, counted
	// from 1; 0 if it takes effect by itself.
	Tx uint64
}

// Hook sees all calls to a database. It must be safe for concurrent use.
type Hook interface {
	// Before is called before the call is made. If it returns an error, the call is
	// not made and the caller gets that error; instead of a commit, a rollback is
	// made then.
	Before(ctx context.Context, call Call) error
	// After is called after the call has taken effect, with the driver's error, and
	// before the caller gets the answer: all rows have been read. If it returns an
	// error, the caller gets that instead of the answer. A call with the error
	// [driver.ErrSkip] has not been made, and is made again in another way.
	After(ctx context.Context, call Call, err error) error
}

// BeforeFunc is a [Hook] that is called before calls only.
type BeforeFunc func(ctx context.Context, call Call) error

// Before calls f.
func (f BeforeFunc) Before(ctx context.Context, call Call) error { return f(ctx, call) }

// After does nothing.
func (BeforeFunc) After(context.Context, Call, error) error { return nil }

// Connector returns inner with a hook.
func Connector(inner driver.Connector, hook Hook) driver.Connector {
	return connector{inner, &hooked{Hook: hook}}
}

// hooked is the hook of a database with its counter of transactions.
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

// Close closes the inner connector; see [sql.DB.Close].
func (c connector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// around calls the hook before and after a call.
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

// full is what the connections of all the drivers implement.
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
