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

// session holds the one connection that executes all statements: the lock belongs
// to the connection, and the pool may have no other one.
type session struct {
	dialect databaseDialect
	// namespace is the schema or database of the tables, to name it in an error.
	namespace string
	conn      bun.IConn
	migrator  *migrate.Migrator
}

// withSession runs do on a connection of db, without the migration lock.
func withSession(ctx context.Context, db *bun.DB, opts []Option, do func(*session) error) error {
	return withConn(ctx, db, opts, func(dialect databaseDialect, conn bun.Conn) error {
		session, err := newSession(ctx, db, dialect, conn)
		if err != nil {
			return err
		}
		return do(session)
	})
}

// withLockedSession runs do on a connection of db while no other process migrates.
func withLockedSession(ctx context.Context, db *bun.DB, opts []Option, do func(context.Context, *session) error) error {
	return withConn(ctx, db, opts, func(dialect databaseDialect, conn bun.Conn) error {
		return dialect.withLock(ctx, conn, func(ctx context.Context, conn bun.IConn) error {
			session, err := newSession(ctx, db, dialect, conn)
			if err != nil {
				return err
			}
			return do(ctx, session)
		})
	})
}

func withConn(ctx context.Context, db *bun.DB, opts []Option, do func(databaseDialect, bun.Conn) error) error {
	tables, err := tablesOf(opts)
	if err != nil {
		return err
	}
	dialect, err := dialectOf(db, tables)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open a connection: %w", err)
	}
	// Close returns an error for a discarded connection.
	defer func() { _ = conn.Close() }()
	return namedError(tables, do(dialect, conn))
}

func newSession(ctx context.Context, db *bun.DB, dialect databaseDialect, conn bun.IConn) (*session, error) {
	conn = connOn(dialect.tables, conn)
	var namespace sql.NullString
	if err := conn.QueryRowContext(ctx, dialect.namespaceQuery).Scan(&namespace); err != nil {
		return nil, err
	}
	if !namespace.Valid {
		return nil, errors.New("the connection has no database or schema for the tables: name one in the" +
			" connection string (on PostgreSQL, a schema of search_path must exist)")
	}
	return &session{
		dialect:   dialect,
		namespace: namespace.String,
		conn:      conn,
		migrator: migrate.NewMigrator(dbOnConn(db, conn), bunMigrations(dialect, conn),
			migrate.WithTableName(migrationsTable),
			migrate.WithMarkAppliedOnSuccess(true)),
	}, nil
}

// bunMigrations returns the migrations for bun/migrate. Their functions use conn
// and not the *bun.DB that bun/migrate passes to them, because some methods of
// that open another connection.
func bunMigrations(dialect databaseDialect, conn bun.IConn) *migrate.Migrations {
	migrations := migrate.NewMigrations()
	for _, migration := range allMigrations() {
		do := func(steps []step) func(context.Context, *migrate.Migrator, *migrate.Migration) error {
			return func(ctx context.Context, _ *migrate.Migrator, _ *migrate.Migration) error {
				return runSteps(ctx, conn, steps)
			}
		}
		migrations.Add(migrate.Migration{
			Name:    migration.name,
			Comment: migration.action,
			Up:      do(migration.up[dialect.database]),
			Down:    do(migration.down[dialect.database]),
		})
	}
	return migrations
}

// dbOnConn returns a *bun.DB that executes all its queries on conn, because
// bun/migrate requires a *bun.DB. It must not be closed: that would close the
// host's pool. The host's query hooks are called, because conn calls them.
func dbOnConn(db *bun.DB, conn bun.IConn) *bun.DB {
	return bun.NewDB(db.DB, dialectWithoutInit{db.Dialect()}, bun.WithConnResolver(connResolver{conn}), bun.WithDiscardUnknownColumns())
}

// connResolver resolves every query to conn.
type connResolver struct{ conn bun.IConn }

func (r connResolver) ResolveConn(context.Context, bun.Query) bun.IConn { return r.conn }

func (r connResolver) Close() error { return nil }

// dialectWithoutInit wraps the host's dialect and replaces its Init, which
// bun.NewDB calls: that of MySQL opens a connection of the pool and writes to the
// dialect, which the host is using.
type dialectWithoutInit struct{ schema.Dialect }

func (dialectWithoutInit) Init(*sql.DB) {}
