package migrations_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite"

	"github.com/ntxdev/jobsystem/migrations"
)

// openFile opens a file with the driver's defaults: no WAL, no wait for a lock, an
// unlimited number of connections.
func openFile(t *testing.T, file string) *bun.DB {
	t.Helper()
	pool, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	db := bun.NewDB(pool, sqlitedialect.New())
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestManyMigrateASQLiteFileWithoutSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "jobs.db")
	errs := make([]error, 4)
	var running sync.WaitGroup
	for i := range errs {
		db := openFile(t, file)
		running.Go(func() { errs[i] = migrations.Migrate(t.Context(), db) })
	}
	running.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.NoError(t, migrations.Check(t.Context(), openFile(t, file)))
}

func TestAFailedMigrationKeepsAnInMemorySQLiteDatabase(t *testing.T) {
	t.Parallel()
	db := openFile(t, ":memory:")
	db.SetMaxOpenConns(1)
	exec(t, db, `CREATE TABLE host (id INTEGER)`)
	exec(t, db, `CREATE TABLE job_type_lock (id INTEGER)`)

	require.ErrorIs(t, migrations.Migrate(t.Context(), db), migrations.ErrUnexpectedSchema)

	assert.Equal(t, []string{"host", "job_type_lock"}, tables(t, db))
	exec(t, db, `DROP TABLE job_type_lock`)
	require.NoError(t, migrations.Migrate(t.Context(), db))
}

func TestMigrateRestoresTheBusyTimeoutOfASQLiteConnection(t *testing.T) {
	t.Parallel()
	db := openFile(t, filepath.Join(t.TempDir(), "jobs.db")+"?_pragma=busy_timeout(4321)")
	db.SetMaxOpenConns(1)
	require.NoError(t, migrations.Migrate(t.Context(), db))
	assert.Equal(t, "4321", queryText(t, db, `PRAGMA busy_timeout`))
}

func TestASQLiteConnectionInAnUnknownStateIsClosed(t *testing.T) {
	t.Parallel()
	db, broken := openFile(t, filepath.Join(t.TempDir(), "jobs.db")), errors.New("broken")
	err := migrations.WithLock(t.Context(), db, func(_ context.Context, conn bun.IConn) error {
		exec(t, conn, `ROLLBACK`) // so that the ROLLBACK of WithLock fails
		return broken
	})
	require.ErrorIs(t, err, broken)
	assert.Zero(t, db.Stats().OpenConnections)
	require.NoError(t, migrations.Migrate(t.Context(), db))
}

func TestASQLiteTableWithCascadingReferencesIsNotDropped(t *testing.T) {
	t.Parallel()
	db := openFile(t, filepath.Join(t.TempDir(), "jobs.db")+"?_pragma=foreign_keys(1)")
	require.NoError(t, migrations.Migrate(t.Context(), db))
	exec(t, db, `CREATE TABLE host (job TEXT REFERENCES job_system_jobs (id) ON DELETE CASCADE)`)
	const id = "01890000-0000-7000-8000-00000000abcd"
	exec(t, db, `INSERT INTO job_system_jobs (id, type, data) VALUES ('`+id+`', 'report', '{}')`)
	exec(t, db, `INSERT INTO host VALUES ('`+id+`')`)

	require.ErrorContains(t, migrations.Rollback(t.Context(), db), "host")

	assert.Equal(t, id, queryText(t, db, `SELECT job FROM host`))
	require.NoError(t, migrations.Check(t.Context(), db))
}
