package migrations_test

import (
	"fmt"
	"strings"
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

func TestMigrateCreatesTheTablesAndASecondCallChangesNothing(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		assert.Equal(t, allTables, tables(t, db))
		before := schema(t, db)

		writes := 0
		db = onQuery(db, "", func() { writes++ })
		require.NoError(t, migrations.Migrate(t.Context(), onQuery(db, "SELECT", func() { writes-- })))

		assert.Zero(t, writes, "Migrate only reads if there is nothing to do")
		assert.Equal(t, before, schema(t, db))
	})
}

func TestStatusReturnsWhatIsAppliedAndWritesNothing(t *testing.T) {
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

func TestCheckReturnsAnErrorUntilTheDatabaseIsMigrated(t *testing.T) {
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

func TestCheckFindsMissingIndexesColumnsAndTables(t *testing.T) {
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
		runStatements(t, db, scriptStatements(t, db, migrations.Up))
		require.NoError(t, migrations.Check(t.Context(), db), "the script that the error names creates the table again")

		exec(t, db, `DROP TABLE job_system_jobs`)
		require.NoError(t, migrations.Rollback(t.Context(), db), "an interrupted rollback is completed")
		require.NoError(t, migrations.Migrate(t.Context(), db))
		require.NoError(t, migrations.Check(t.Context(), db))
	})
}

// foreignIndexes returns statements that take the name of one of our indexes for
// something else, as far as the database allows it, and what the error says of each.
func foreignIndexes(db *bun.DB) map[string]string {
	const (
		elsewhere = `CREATE INDEX job_system_jobs_claim ON host (id)`
		columns   = `CREATE INDEX job_system_jobs_latest ON job_system_jobs (created_at)`
		unique    = `CREATE INDEX job_system_jobs_idempotency ON job_system_jobs (type, idempotency_key)`
		partial   = `CREATE UNIQUE INDEX job_system_jobs_processing ON job_system_jobs (type)`
		table     = `CREATE TABLE job_system_jobs_parent (id INTEGER)`
	)
	all := map[string]string{
		"job_system_jobs_latest is an index on job_system_jobs (created_at)":                 columns,
		"job_system_jobs_idempotency is an index on job_system_jobs (type, idempotency_key)": unique,
		"job_system_jobs_processing is a unique index on job_system_jobs (type)":             partial,
	}
	if db.Dialect().Name() != dialect.MySQL { // where names of indexes belong to a table
		all["job_system_jobs_claim is an index on host (id)"] = elsewhere
	}
	if db.Dialect().Name() == dialect.PG { // SQLite creates no index then
		all["job_system_jobs_parent exists"] = table
	}
	return all
}

// CREATE INDEX IF NOT EXISTS does nothing where the name is taken.
func TestAForeignIndexWithOneOfOurNamesIsAnError(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		exec(t, db, `CREATE TABLE host (id INTEGER)`)
		for says, create := range foreignIndexes(db) {
			require.NoError(t, migrations.Migrate(t.Context(), db))
			name, _, _ := strings.Cut(says, " ")
			dropIndex(t, db, name)
			exec(t, db, create)
			exec(t, db, `DELETE FROM job_system_migrations`)
			before := schema(t, db)

			err := migrations.Migrate(t.Context(), db)
			require.ErrorIs(t, err, migrations.ErrUnexpectedSchema, create)
			require.ErrorContains(t, err, says)
			assert.Equal(t, before, schema(t, db), "nothing is changed")

			exec(t, db, `INSERT INTO job_system_migrations (name, group_id) VALUES ('0001_jobs', 1)`)
			require.ErrorContains(t, migrations.Check(t.Context(), db), says)

			switch {
			case strings.HasPrefix(create, "CREATE TABLE"):
				exec(t, db, `DROP TABLE `+name)
			default:
				dropIndex(t, db, name)
			}
			exec(t, db, `DELETE FROM job_system_migrations`)
		}
		require.NoError(t, migrations.Migrate(t.Context(), db))
	})
}

// A host's own settings change functions of SQL that the check of the indexes could use.
func TestTheIndexesAreReadUnderAHostsSettings(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, testdb.DSN(t, testdb.MariaDB))
	db.SetMaxOpenConns(1)
	exec(t, db, `SET sql_mode = 'ORACLE', group_concat_max_len = 4`)
	require.NoError(t, migrations.Check(t.Context(), db))
}

func TestTheErrorForAMissingIndexHasTheStatementThatCreatesIt(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		want := schema(t, db)
		for _, index := range []string{"claim", "processing", "idempotency", "latest", "parent"} {
			dropIndex(t, db, "job_system_jobs_"+index)
			err := migrations.Check(t.Context(), db)
			require.ErrorIs(t, err, migrations.ErrUnexpectedSchema)
			_, statement, found := strings.Cut(err.Error(), "create it with: ")
			require.True(t, found, err)
			exec(t, db, statement)
			require.NoError(t, migrations.Check(t.Context(), db))
		}
		if db.Dialect().Name() == dialect.PG { // which has no order of its own in it
			assert.Equal(t, want, schema(t, db))
		}
	})
}

func TestRollbackDropsOurTablesAndKeepsTheHosts(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		exec(t, db, `CREATE TABLE host (id INTEGER)`)
		exec(t, db, `INSERT INTO host VALUES (42)`)
		require.NoError(t, migrations.Rollback(t.Context(), db), "there is nothing to roll back")
		assert.Equal(t, []string{"host"}, tables(t, db), "nothing was written")

		require.NoError(t, migrations.Migrate(t.Context(), db))
		before := schema(t, db)
		require.NoError(t, migrations.Rollback(t.Context(), db))
		assert.Equal(t, []string{"host", "job_system_migrations"}, tables(t, db))

		require.NoError(t, migrations.Migrate(t.Context(), db))
		assert.Equal(t, before, schema(t, db))
		assert.Equal(t, "42", queryText(t, db, `SELECT id FROM host`))
	})
}

func TestRollbackFailsWhileAHostTableRefersToJobs(t *testing.T) {
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

func TestATableOfAnotherProgramWithOurNameIsNotChanged(t *testing.T) {
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

				for _, err := range []error{migrations.Migrate(t.Context(), db), migrations.Rollback(t.Context(), db)} {
					require.ErrorIs(t, err, migrations.ErrUnexpectedSchema)
					require.ErrorContains(t, err, name)
				}

				assert.Equal(t, before, schema(t, db))
			})
		})
	}
}

func TestRollbackDoesNotDropATableThatReplacedOurs(t *testing.T) {
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

func TestMigrationsOfANewerVersionAreAcceptedAndNotRolledBack(t *testing.T) {
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

func TestMigrateCompletesAKilledMigrate(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		want := schema(t, db)
		statements := createStatements(scriptStatements(t, db, migrations.Up))
		for executed := range len(statements) + 1 {
			for _, table := range tables(t, db) {
				exec(t, db, `DROP TABLE `+table)
			}
			for _, statement := range statements[:executed] {
				exec(t, db, statement)
			}
			require.ErrorIs(t, migrations.Check(t.Context(), db), migrations.ErrNotMigrated)

			require.NoError(t, migrations.Migrate(t.Context(), db), "after %d statements", executed)

			require.NoError(t, migrations.Check(t.Context(), db))
			require.Equal(t, want, schema(t, db), "after %d statements", executed)
		}
	})
}

func TestMigrateCreatesMissingIndexes(t *testing.T) {
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
		assert.Equal(t, "2", queryText(t, db, `SELECT COUNT(*) FROM job_system_jobs`))
		if db.Dialect().Name() != dialect.MySQL {
			assert.Equal(t, before, schema(t, db), "the changes before the failure are rolled back")
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
