package wire

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/uptrace/bun"
)

// Through is an open database with a hook. It has db's connections, with all
// that was set on them, and as many; closing it closes db. db is not to be used
// beside it, and where it has a single connection it cannot be.
func Through(db *bun.DB, hook Hook) *bun.DB {
	return open(db, db.DB.Stats().MaxOpenConnections, whole{pooled{db.DB, &hooked{Hook: hook}}})
}

// Beside is an open database with a hook, beside db, which may be used as well: it
// takes that many of db's connections at most, and closing it closes only them.
func Beside(db *bun.DB, connections int, hook Hook) *bun.DB {
	return open(db, connections, pooled{db.DB, &hooked{Hook: hook}})
}

func open(db *bun.DB, connections int, from driver.Connector) *bun.DB {
	pool := sql.OpenDB(from)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return bun.NewDB(pool, db.Dialect())
}

// whole is a pool that is closed with what is opened through it.
type whole struct{ pooled }

func (w whole) Close() error { return w.pool.Close() }

// pooled takes its connections from a pool.
type pooled struct {
	pool *sql.DB
	hook *hooked
}

func (p pooled) Driver() driver.Driver { return p.pool.Driver() }

// Connect takes a connection out of the pool until it is closed. Nothing else
// has it meanwhile.
func (p pooled) Connect(ctx context.Context) (driver.Conn, error) {
	taken, err := p.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var inner driver.Conn
	err = taken.Raw(func(raw any) error {
		inner = raw.(driver.Conn) //nolint:forcetypeassert // what a pool holds is one
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, taken.Close())
	}
	return newConn(inner, p.hook, func() error {
		// It is closed, and not used by others: nobody knows what was done on it.
		err := taken.Raw(func(any) error { return driver.ErrBadConn })
		if errors.Is(err, driver.ErrBadConn) {
			return nil
		}
		return err
	})
}
