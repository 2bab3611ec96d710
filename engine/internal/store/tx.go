package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// inTx runs fn in a transaction of its own.
func (e *executor) inTx(ctx context.Context, fn func(ctx context.Context, tx bun.Tx) error) error {
	err := e.InTx(context.WithValue(ctx, ownTx{}, true), e.db, fn)
	e.prepareWanted(ctx)
	return err
}

// InTx runs fn in a transaction, or within that of db if it is one. It waits for
// the end of one of its own until a second after ctx has ended: then whether that
// took effect is unknown.
func (e *executor) InTx(ctx context.Context, db bun.IDB, fn func(ctx context.Context, tx bun.Tx) error) error {
	if _, inside := db.(bun.Tx); inside {
		return db.RunInTx(ctx, e.txOpts, fn)
	}
	tx, err := db.BeginTx(ctx, e.txOpts)
	if err != nil {
		return err
	}
	end := tx.Rollback
	defer func() {
		if end != nil { // fn has failed, or panicked
			_ = within(ctx, end)
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	end = nil
	return within(ctx, tx.Commit)
}

// endTimeout is how long the end of a transaction is waited for after its
// context has ended: on a healthy connection, the answer is under way.
const endTimeout = time.Second

// within calls end, which takes no context, and waits for it until ctx ends and
// endTimeout after that: the MySQL driver waits for the answer to a commit for as
// long as the connection stands, and one whose other side is gone without a word
// stands for many minutes.
func within(ctx context.Context, end func() error) error {
	done := make(chan error, 1)
	go func() { done <- end() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(endTimeout)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return fmt.Errorf("no answer to the end of a transaction: %w", context.Cause(ctx))
	}
}
