package migrations_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/migrations"
)

func TestOfManyThatMigrateAtOnceOneDoesAndAllFindItDone(t *testing.T) {
	t.Parallel()
	eachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		release := hold(t, db)
		const many = 8
		var asked, applied sync.Map
		var waiting, running sync.WaitGroup
		errs := make([]error, many)
		for i := range many {
			waiting.Add(1)
			pool := watch(another(t, db), asking(db), func() {
				if _, before := asked.LoadOrStore(i, true); !before {
					waiting.Done()
				}
			})
			pool = watch(pool, "CREATE TABLE IF NOT EXISTS job_system_jobs", func() { applied.Store(i, true) })
			running.Go(func() { errs[i] = migrations.Migrate(t.Context(), pool) })
		}
		waiting.Wait()
		assert.Empty(t, tables(t, db), "all wait, and nobody has begun")
		release()
		running.Wait()

		require.NoError(t, errors.Join(errs...))
		times := 0
		applied.Range(func(any, any) bool { times++; return true })
		assert.Equal(t, 1, times, "one of them has applied it")
		assert.Equal(t, "0001_jobs", text(t, db, `SELECT name FROM job_system_migrations`))
		require.NoError(t, migrations.Check(t.Context(), db))
	})
}

func TestTheEndOfTheContextEndsTheWait(t *testing.T) {
	t.Parallel()
	eachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		hold(t, db)
		impatient := errors.New("impatient")
		for name, do := range map[string]func(context.Context, *bun.DB) error{
			"migrate": migrations.Migrate, "rollback": migrations.Rollback,
		} {
			ctx, cancel := context.WithCancelCause(t.Context())
			err := do(ctx, watch(another(t, db), asking(db), func() { cancel(impatient) }))

			require.ErrorIs(t, err, impatient, name)
			require.ErrorContains(t, err, "wait for the migration lock", name)
		}
	})
}

func TestStatusAndCheckDoNotWaitForTheLock(t *testing.T) {
	t.Parallel()
	eachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		hold(t, db)
		db = another(t, db)
		_, err := migrations.Status(t.Context(), db)
		require.NoError(t, err)
		require.ErrorIs(t, migrations.Check(t.Context(), db), migrations.ErrNotMigrated)
	})
}

func TestALockHolderThatDiesBlocksNobody(t *testing.T) {
	t.Parallel()
	eachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		err := migrations.Alone(t.Context(), another(t, db), func(ctx context.Context, conn bun.IConn) error {
			exec(t, conn, making(script(t, another(t, db), migrations.Up))[1])
			kill(t, db, conn)
			return errors.New("killed")
		})
		require.Error(t, err)

		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		require.NoError(t, migrations.Migrate(ctx, db))
		require.NoError(t, migrations.Check(t.Context(), db))
	})
}

// kill ends a connection as the end of its process does.
func kill(t *testing.T, db *bun.DB, conn bun.IConn) {
	t.Helper()
	switch db.Dialect().Name() {
	case dialect.SQLite:
		require.Error(t, conn.(bun.Conn).Raw(func(any) error { return driver.ErrBadConn }))
	case dialect.PG:
		exec(t, db, fmt.Sprintf(`SELECT pg_terminate_backend(%s)`, text(t, conn, `SELECT pg_backend_pid()`)))
	default:
		exec(t, db, `KILL `+text(t, conn, `SELECT CONNECTION_ID()`))
	}
}

func TestAFailureGivesTheLockBack(t *testing.T) {
	t.Parallel()
	eachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		broken := errors.New("broken")
		for range 2 {
			err := migrations.Alone(t.Context(), db, func(context.Context, bun.IConn) error { return broken })
			require.ErrorIs(t, err, broken)
		}
		require.NoError(t, migrations.Migrate(t.Context(), another(t, db)))
	})
}

func TestAPoolOfOneConnectionIsEnough(t *testing.T) {
	t.Parallel()
	eachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		db.SetMaxOpenConns(1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var queries atomic.Int64
		db = watch(db, "", func() { queries.Add(1) })

		require.NoError(t, migrations.Migrate(ctx, db))
		require.NoError(t, migrations.Check(ctx, db))
		_, err := migrations.Status(ctx, db)
		require.NoError(t, err)
		require.NoError(t, migrations.Rollback(ctx, db))
		require.NoError(t, migrations.Migrate(ctx, db))
		assert.Positive(t, queries.Load(), "the host's hooks see what is done")
	})
}
