package wire

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/uptrace/bun"
)

// Through returns an open database with a hook. It uses the connections of db, with all
// of their settings, and has the same bound on their number. Closing it closes db. Do not
// use db beside it: if db has a single connection, that waits forever.
func Through(db *bun.DB, hook Hook) *bun.DB {
	return open(db, db.DB.Stats().MaxOpenConnections, whole{pooled{db.DB, &hooked{Hook: hook}}})
}

// Beside returns an open database with a hook, beside which db can be used too: it uses
// at most that many of db's connections, and closing it closes only them.
func Beside(db *bun.DB, connections int, hook Hook) *bun.DB {
	return open(db, connections, pooled{db.DB, &hooked{Hook: hook}})
}

func open(db *bun.DB, connections int, from driver.Connector) *bun.DB {
	pool := sql.OpenDB(from)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return bun.NewDB(pool, db.Dialect())
}

// whole is a pool that is closed with the database opened through it.
type whole struct{ pooled }

func (w whole) Close() error { return w.pool.Close() }

// pooled is a connector that borrows its connections from a pool.
type pooled struct {
	pool *sql.DB
	hook *hooked
}

func (p pooled) Driver() driver.Driver { return p.pool.Driver() }

// Connect borrows a connection of the pool until it is closed. Nothing else uses it in
// the meantime.
func (p pooled) Connect(ctx context.Context) (driver.Conn, error) {
	borrowed, err := p.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var inner driver.Conn
	err = borrowed.Raw(func(raw any) error {
		inner = raw.(driver.Conn) //nolint:forcetypeassert // what a pool holds is one
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, borrowed.Close())
	}
	return newConn(inner, p.hook, func() error {
		// It is closed instead of reused: its session may have been changed.
		err := borrowed.Raw(func(any) error { return driver.ErrBadConn })
		if errors.Is(err, driver.ErrBadConn) {
			return nil
		}
		return err
	})
}
