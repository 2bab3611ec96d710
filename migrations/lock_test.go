package migrations_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestOfManyConcurrentMigratesOneAppliesAndAllSucceed(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, dsn string) {
		release := holdLock(t, dsn)
		const many = 8
		var applied atomic.Int64
		var waiting, running sync.WaitGroup
		errs := make([]error, many)
		for i := range many {
			db := testdb.Open(t, dsn)
			waiting.Add(1)
			db = onQuery(db, lockQueryPrefix(db), sync.OnceFunc(waiting.Done))
			db = onQuery(db, "CREATE TABLE IF NOT EXISTS job_system_jobs", func() { applied.Add(1) })
			running.Go(func() { errs[i] = migrations.Migrate(t.Context(), db) })
		}
		waiting.Wait()
		db := testdb.Open(t, dsn)
		assert.Empty(t, tables(t, db), "all wait for the lock, none has started")
		release()
		running.Wait()

		require.NoError(t, errors.Join(errs...))
		assert.Equal(t, int64(1), applied.Load(), "one of them applied it")
		assert.Equal(t, "0001_jobs", queryText(t, db, `SELECT name FROM job_system_migrations`))
		require.NoError(t, migrations.Check(t.Context(), db))
	})
}

func TestTheWaitForTheLockEndsWithTheContext(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, dsn string) {
		holdLock(t, dsn)
		cause := errors.New("caller gave up")
		for name, do := range map[string]func(context.Context, *bun.DB, ...migrations.Option) error{
			"migrate": migrations.Migrate, "rollback": migrations.Rollback,
		} {
			db := testdb.Open(t, dsn)
			ctx, cancel := context.WithCancelCause(t.Context())
			err := do(ctx, onQuery(db, lockQueryPrefix(db), func() { cancel(cause) }))

			require.ErrorIs(t, err, cause, name)
			require.ErrorContains(t, err, "wait for the migration lock", name)
		}
	})
}

func TestStatusAndCheckDoNotWaitForTheLock(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, dsn string) {
		holdLock(t, dsn)
		db := testdb.Open(t, dsn)
		_, err := migrations.Status(t.Context(), db)
		require.NoError(t, err)
		require.ErrorIs(t, migrations.Check(t.Context(), db), migrations.ErrNotMigrated)
	})
}

func TestTheLockIsFreeWhenItsHolderDies(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, dsn string) {
		db, dying := testdb.Open(t, dsn), testdb.Open(t, dsn)
		statement := createStatements(scriptStatements(t, db, migrations.Up))[1]
		err := migrations.WithLock(t.Context(), dying, func(ctx context.Context, conn bun.IConn) error {
			exec(t, conn, statement)
			kill(t, db, conn)
			return errors.New("killed")
		})
		require.ErrorContains(t, err, "killed")

		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		require.NoError(t, migrations.Migrate(ctx, db))
		require.NoError(t, migrations.Check(t.Context(), db))
	})
}

// kill ends a connection as if its process had died.
func kill(t *testing.T, db *bun.DB, conn bun.IConn) {
	t.Helper()
	switch db.Dialect().Name() {
	case dialect.SQLite:
		require.Error(t, conn.(bun.Conn).Raw(func(any) error { return driver.ErrBadConn }))
	case dialect.PG:
		queryRows(t, db, `SELECT pg_terminate_backend(`+queryText(t, conn, `SELECT pg_backend_pid()`)+`)`)
	default:
		exec(t, db, `KILL `+queryText(t, conn, `SELECT CONNECTION_ID()`))
	}
}

func TestTheLockIsReleasedAfterAFailure(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, dsn string) {
		db, broken := testdb.Open(t, dsn), errors.New("broken")
		for range 2 {
			err := migrations.WithLock(t.Context(), db, func(context.Context, bun.IConn) error { return broken })
			require.ErrorIs(t, err, broken)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		require.NoError(t, migrations.Migrate(ctx, testdb.Open(t, dsn)))
	})
}

func TestAPoolOfOneConnectionIsEnough(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		db.SetMaxOpenConns(1)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		queries := 0
		db = onQuery(db, "", func() { queries++ })

		require.NoError(t, migrations.Migrate(ctx, db))
		require.NoError(t, migrations.Check(ctx, db))
		_, err := migrations.Status(ctx, db)
		require.NoError(t, err)
		require.NoError(t, migrations.Rollback(ctx, db))
		require.NoError(t, migrations.Migrate(ctx, db))
		assert.Positive(t, queries, "the host's query hooks are called")
	})
}
