package wire

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
)

// conn is a connection with a hook. It is used by one goroutine at a time.
type conn struct {
	full
	hook    *hooked
	release func() error
	tx      uint64
}

func (c *conn) call(text string, args []driver.NamedValue) Call {
	if len(args) == 0 {
		args = nil // empty with some drivers
	}
	return Call{Text: text, Args: args, Tx: c.tx}
}

// Close returns the connection to where it came from.
func (c *conn) Close() error { return c.release() }

// BeginTx begins a transaction.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	number := c.hook.transactions.Add(1)
	var lost driver.Tx // a transaction that has begun, of which the caller does not know
	begun, err := around(ctx, c.hook, Call{Kind: Begin, Text: "BEGIN", Tx: number}, func() (driver.Tx, error) {
		begun, err := c.full.BeginTx(ctx, opts)
		if err == nil {
			lost = begun
		}
		return begun, err
	})
	if err != nil {
		if lost != nil {
			_ = lost.Rollback() // the hook's error is what matters
		}
		return nil, err
	}
	c.tx = number
	return &tx{Tx: begun, conn: c, ctx: context.WithoutCancel(ctx)}, nil
}

// PrepareContext prepares a statement.
func (c *conn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	inner, err := c.full.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return &stmt{Stmt: inner, text: text, conn: c}, nil
}

// ExecContext runs a statement.
func (c *conn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	return around(ctx, c.hook, c.call(text, args), func() (driver.Result, error) { return c.full.ExecContext(ctx, text, args) })
}

// QueryContext runs a statement that returns rows.
func (c *conn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(ctx, c.call(text, args), func() (driver.Rows, error) { return c.full.QueryContext(ctx, text, args) })
}

func (c *conn) query(ctx context.Context, call Call, do func() (driver.Rows, error)) (driver.Rows, error) {
	if err := c.hook.Before(ctx, call); err != nil {
		return nil, err
	}
	inner, err := do()
	if err != nil {
		return nil, cmp.Or(c.hook.After(ctx, call, err), err)
	}
	answer := readRows(inner)
	if replaced := c.hook.After(ctx, call, answer.err()); replaced != nil {
		return nil, errors.Join(replaced, answer.Close())
	}
	return answer, nil
}

// The methods below are optional for a driver. If it lacks one, they do what
// database/sql does without it.

// Ping checks that the database answers.
func (c *conn) Ping(ctx context.Context) error {
	if inner, ok := c.full.(driver.Pinger); ok {
		return inner.Ping(ctx)
	}
	return nil
}

// ResetSession is called before a pooled connection is used again.
func (c *conn) ResetSession(ctx context.Context) error {
	c.tx = 0
	if inner, ok := c.full.(driver.SessionResetter); ok {
		return inner.ResetSession(ctx)
	}
	return nil
}

// IsValid is called before a connection goes back to the pool.
func (c *conn) IsValid() bool {
	if inner, ok := c.full.(driver.Validator); ok {
		return inner.IsValid()
	}
	return true
}

// CheckNamedValue converts an argument into one that the driver supports.
func (c *conn) CheckNamedValue(value *driver.NamedValue) error {
	if inner, ok := c.full.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

// tx is a transaction with a hook.
type tx struct {
	driver.Tx
	conn *conn
	ctx  context.Context // Commit and Rollback get none
}

// Commit commits, or rolls back if the hook makes the commit fail.
func (t *tx) Commit() error {
	made := false
	_, err := around(t.ctx, t.conn.hook, t.endCall(Commit, "COMMIT"), func() (struct{}, error) {
		made = true
		return struct{}{}, t.Tx.Commit()
	})
	if !made {
		_ = t.Tx.Rollback() // the hook's error is what matters
	}
	return err
}

// Rollback rolls back even if the hook returns an error.
func (t *tx) Rollback() error {
	call := t.endCall(Rollback, "ROLLBACK")
	failed := t.conn.hook.Before(t.ctx, call)
	err := t.Tx.Rollback()
	return cmp.Or(t.conn.hook.After(t.ctx, call, err), failed, err)
}

// endCall returns the call that ends the transaction, and marks its connection as outside
// of one.
func (t *tx) endCall(kind Kind, text string) Call {
	call := Call{Kind: kind, Text: text, Tx: t.conn.tx}
	t.conn.tx = 0
	return call
}
