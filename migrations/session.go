package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
	"github.com/uptrace/bun/schema"
)

// A session is one connection on which everything happens: the lock is the
// connection's, and the pool may have no second one.
type session struct {
	server server
	// namespace is where the tables are, to name it in an error.
	namespace string
	conn      bun.IConn
	migrator  *migrate.Migrator
}

// open does the work on a connection of db, without a lock.
func open(ctx context.Context, db *bun.DB, do func(*session) error) error {
	return connect(ctx, db, func(server server, conn bun.Conn) error {
		session, err := newSession(ctx, db, server, conn)
		if err != nil {
			return err
		}
		return do(session)
	})
}

// openAlone does the work while no other process migrates.
func openAlone(ctx context.Context, db *bun.DB, do func(context.Context, *session) error) error {
	return connect(ctx, db, func(server server, conn bun.Conn) error {
		return server.alone(ctx, conn, func(ctx context.Context, conn bun.IConn) error {
			session, err := newSession(ctx, db, server, conn)
			if err != nil {
				return err
			}
			return do(ctx, session)
		})
	})
}

func connect(ctx context.Context, db *bun.DB, do func(server, bun.Conn) error) error {
	server, err := serverOf(db)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("take a connection: %w", err)
	}
	// A connection that was discarded is closed already.
	defer func() { _ = conn.Close() }()
	return do(server, conn)
}

func newSession(ctx context.Context, db *bun.DB, server server, conn bun.IConn) (*session, error) {
	var namespace sql.NullString
	if err := conn.QueryRowContext(ctx, server.namespace).Scan(&namespace); err != nil {
		return nil, err
	}
	if !namespace.Valid {
		return nil, errors.New("the connection has no database or schema to hold the tables: name one in the" +
			" connection string (on PostgreSQL, one in search_path has to exist)")
	}
	return &session{
		server:    server,
		namespace: namespace.String,
		conn:      conn,
		migrator: migrate.NewMigrator(over(db, conn), collection(server, conn),
			migrate.WithTableName(bookkeepingTable),
			migrate.WithMarkAppliedOnSuccess(true)),
	}, nil
}

// collection is what bun/migrate applies. Its functions close over the
// connection and do not use the *bun.DB they are given, some of whose methods
// take another.
func collection(server server, conn bun.IConn) *migrate.Migrations {
	found := migrate.NewMigrations()
	for _, migration := range all() {
		do := func(steps []step) func(context.Context, *migrate.Migrator, *migrate.Migration) error {
			return func(ctx context.Context, _ *migrate.Migrator, _ *migrate.Migration) error {
				return run(ctx, conn, steps)
			}
		}
		found.Add(migrate.Migration{
			Name:    migration.name,
			Comment: migration.does,
			Up:      do(migration.up[server.database]),
			Down:    do(migration.down[server.database]),
		})
	}
	return found
}

// over returns a *bun.DB whose queries all go to conn, for bun/migrate, which
// takes nothing else. It is never closed: that would close the host's pool. The
// host's query hooks see the queries, because conn calls them.
func over(db *bun.DB, conn bun.IConn) *bun.DB {
	return bun.NewDB(db.DB, settled{db.Dialect()}, bun.WithConnResolver(only{conn}), bun.WithDiscardUnknownColumns())
}

type only struct{ conn bun.IConn }

func (o only) ResolveConn(context.Context, bun.Query) bun.IConn { return o.conn }

func (o only) Close() error { return nil }

// settled is the host's dialect without its Init, which NewDB calls: that of
// MySQL takes a connection of the pool and writes to the dialect, which the host
// is using.
type settled struct{ schema.Dialect }

func (settled) Init(*sql.DB) {}
