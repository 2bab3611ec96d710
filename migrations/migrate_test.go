package migrations_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

var allTables = []string{"job_system_jobs", "job_system_migrations", "job_type_lock"}

func TestMigrateMakesTheTablesAndTheSecondTimeChangesNothing(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		assert.Equal(t, allTables, tables(t, db))
		before := schema(t, db)

		writes := 0
		db = watch(db, "", func() { writes++ })
		require.NoError(t, migrations.Migrate(t.Context(), watch(db, "SELECT", func() { writes-- })))

		assert.Zero(t, writes, "a Migrate with nothing to do only reads")
		assert.Equal(t, before, schema(t, db))
	})
}

func TestStatusTellsWhatIsAppliedAndWritesNothing(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		before, err := migrations.Status(t.Context(), db)
		require.NoError(t, err)
		require.Len(t, before, 1)
		assert.Equal(t, "0001_jobs", before[0].Name)
		assert.Contains(t, before[0].Action, "drops")
		assert.False(t, before[0].Applied())
		assert.True(t, before[0].AppliedAt.IsZero())
		assert.Empty(t, tables(t, db))

		require.NoError(t, migrations.Migrate(t.Context(), db))

		after, err := migrations.Status(t.Context(), db)
		require.NoError(t, err)
		require.Len(t, after, 1)
		assert.True(t, after[0].Applied())
		assert.Equal(t, int64(1), after[0].Group)
		assert.Equal(t, time.UTC, after[0].AppliedAt.Location())
		assert.WithinDuration(t, time.Now(), after[0].AppliedAt, time.Minute)
	})
}

func TestCheckRefusesADatabaseUntilItIsMigrated(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		err := migrations.Check(t.Context(), db)
		require.ErrorIs(t, err, migrations.ErrNotMigrated)
		assert.ErrorContains(t, err, "run jobctl migrate up (or migrations.Migrate)")
		assert.ErrorContains(t, err, "0001_jobs")
		assert.Empty(t, tables(t, db))

		require.NoError(t, migrations.Migrate(t.Context(), db))
		require.NoError(t, migrations.Check(t.Context(), db))

		require.NoError(t, migrations.Rollback(t.Context(), db))
		require.ErrorIs(t, migrations.Check(t.Context(), db), migrations.ErrNotMigrated)
	})
}

func TestCheckFindsWhatSomebodyHasTakenAway(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))

		dropIndex(t, db, "job_system_jobs_processing")
		err := migrations.Check(t.Context(), db)
		require.ErrorIs(t, err, migrations.ErrUnexpectedSchema)
		require.ErrorContains(t, err, "job_system_jobs_processing")

		exec(t, db, `ALTER TABLE job_type_lock DROP COLUMN attempt`)
		err = migrations.Check(t.Context(), db)
		require.ErrorIs(t, err, migrations.ErrUnexpectedSchema)
		require.ErrorContains(t, err, "no column attempt")

		exec(t, db, `DROP TABLE job_type_lock`)
		for _, err := range []error{migrations.Check(t.Context(), db), migrations.Migrate(t.Context(), db)} {
			require.ErrorIs(t, err, migrations.ErrUnexpectedSchema)
			require.ErrorContains(t, err, "job_type_lock is missing")
		}

		exec(t, db, `DELETE FROM job_system_migrations`)
		require.NoError(t, migrations.Migrate(t.Context(), db))
		exec(t, db, `DROP TABLE job_type_lock`)
		byHand(t, db, script(t, db, migrations.Up))
		require.NoError(t, migrations.Check(t.Context(), db), "the way out that the error names")

		exec(t, db, `DROP TABLE job_system_jobs`)
		require.NoError(t, migrations.Rollback(t.Context(), db), "a rollback killed half-way is finished")
		require.NoError(t, migrations.Migrate(t.Context(), db))
		require.NoError(t, migrations.Check(t.Context(), db))
	})
}

func TestRollbackDropsOurTablesAndLeavesTheHosts(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		exec(t, db, `CREATE TABLE host (id INTEGER)`)
		exec(t, db, `INSERT INTO host VALUES (42)`)
		require.NoError(t, migrations.Rollback(t.Context(), db), "there is nothing to undo")
		assert.Equal(t, []string{"host"}, tables(t, db), "and nothing has been written")

		require.NoError(t, migrations.Migrate(t.Context(), db))
		before := schema(t, db)
		require.NoError(t, migrations.Rollback(t.Context(), db))
		assert.Equal(t, []string{"host", "job_system_migrations"}, tables(t, db))

		require.NoError(t, migrations.Migrate(t.Context(), db))
		assert.Equal(t, before, schema(t, db))
		assert.Equal(t, "42", text(t, db, `SELECT id FROM host`))
	})
}

func TestRollbackRefusesWhileAHostTableRefersToJobs(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		id := map[dialect.Name]string{
			dialect.SQLite: "TEXT", dialect.PG: "uuid", dialect.MySQL: "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin",
		}[db.Dialect().Name()]
		exec(t, db, `CREATE TABLE host (job `+id+`, FOREIGN KEY (job) REFERENCES job_system_jobs (id))`)

		require.Error(t, migrations.Rollback(t.Context(), db))

		assert.Equal(t, append([]string{"host"}, allTables...), tables(t, db))
		require.NoError(t, migrations.Check(t.Context(), db))
	})
}

func TestATableOfOurNameThatIsNotOursIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, create := range map[string]string{
		"job_system_jobs":       `CREATE TABLE job_system_jobs (id INTEGER, type INTEGER)`,
		"job_type_lock":         `CREATE VIEW job_type_lock AS SELECT 1 AS id`,
		"job_system_migrations": `CREATE TABLE job_system_migrations (id INTEGER, version INTEGER)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
				exec(t, db, create)
				before := schema(t, db)

				for _, do := range []error{migrations.Migrate(t.Context(), db), migrations.Rollback(t.Context(), db)} {
					require.ErrorIs(t, do, migrations.ErrUnexpectedSchema)
					require.ErrorContains(t, do, name)
				}

				assert.Equal(t, before, schema(t, db))
			})
		})
	}
}

func TestRollbackDoesNotDropATableThatTookOurName(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		exec(t, db, `DROP TABLE job_system_jobs`)
		exec(t, db, `CREATE TABLE job_system_jobs (id INTEGER)`)
		before := schema(t, db)

		require.ErrorIs(t, migrations.Rollback(t.Context(), db), migrations.ErrUnexpectedSchema)

		assert.Equal(t, before, schema(t, db))
	})
}

func TestWhatANewerVersionAppliedIsAcceptedAndNotUndone(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		exec(t, db, `INSERT INTO job_system_migrations (name, group_id) VALUES ('9999_future', 2)`)

		require.NoError(t, migrations.Check(t.Context(), db))
		require.NoError(t, migrations.Migrate(t.Context(), db))
		require.ErrorContains(t, migrations.Rollback(t.Context(), db), "9999_future")
		states, err := migrations.Status(t.Context(), db)
		require.NoError(t, err)
		require.Len(t, states, 2)
		assert.Equal(t, "9999_future", states[1].Name)
		assert.True(t, states[1].Newer)
		assert.True(t, states[1].Applied())
		assert.Equal(t, allTables, tables(t, db))
	})
}

func TestMigrateFinishesWhatAKilledOneHasBegun(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		want := schema(t, db)
		whole := making(script(t, db, migrations.Up))
		for begun := range len(whole) + 1 {
			for _, table := range tables(t, db) {
				exec(t, db, `DROP TABLE `+table)
			}
			for _, statement := range whole[:begun] {
				exec(t, db, statement)
			}
			require.ErrorIs(t, migrations.Check(t.Context(), db), migrations.ErrNotMigrated)

			require.NoError(t, migrations.Migrate(t.Context(), db), "after %d statements", begun)

			require.NoError(t, migrations.Check(t.Context(), db))
			require.Equal(t, want, schema(t, db), "after %d statements", begun)
		}
	})
}

func TestMigrateAddsTheIndexesThatAreMissing(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		for _, index := range []string{"claim", "processing", "idempotency", "latest"} {
			require.NoError(t, migrations.Migrate(t.Context(), db))
			exec(t, db, `DELETE FROM job_system_migrations`)
			dropIndex(t, db, "job_system_jobs_"+index)
		}
		require.NoError(t, migrations.Migrate(t.Context(), db))
		for _, index := range []string{"claim", "processing", "idempotency", "latest"} {
			assert.Contains(t, schema(t, db), "job_system_jobs_"+index)
		}
	})
}

func TestAMigrationThatFailsDoesNotCountAsApplied(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		exec(t, db, `DELETE FROM job_system_migrations`)
		exec(t, db, `DROP TABLE job_type_lock`)
		dropIndex(t, db, "job_system_jobs_claim")
		dropIndex(t, db, "job_system_jobs_processing")
		before := schema(t, db)
		for range 2 {
			require.NoError(t, insert(db, t.Context(), "type, data, status", `'report', '{}', 'processing'`))
		}

		err := migrations.Migrate(t.Context(), db)

		require.ErrorContains(t, err, "job_system_jobs", "the error names the statement")
		require.ErrorIs(t, migrations.Check(t.Context(), db), migrations.ErrNotMigrated)
		assert.Equal(t, "2", text(t, db, `SELECT COUNT(*) FROM job_system_jobs`))
		if db.Dialect().Name() != dialect.MySQL {
			assert.Equal(t, before, schema(t, db), "what had been done before the failure is undone")
		}

		exec(t, db, `DELETE FROM job_system_jobs`)
		require.NoError(t, migrations.Migrate(t.Context(), db))
		require.NoError(t, migrations.Check(t.Context(), db))
	})
}

func dropIndex(t *testing.T, db *bun.DB, name string) {
	t.Helper()
	if db.Dialect().Name() == dialect.MySQL {
		exec(t, db, fmt.Sprintf(`DROP INDEX %s ON job_system_jobs`, name))
		return
	}
	exec(t, db, `DROP INDEX `+name)
}
