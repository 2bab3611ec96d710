package migrations_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestTheScriptDoesTheSameAsMigrate(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		want := schema(t, db)
		for _, table := range tables(t, db) {
			exec(t, db, `DROP TABLE `+table)
		}

		for range 2 {
			runStatements(t, db, scriptStatements(t, db, migrations.Up))
			require.NoError(t, migrations.Check(t.Context(), db))
		}

		assert.Equal(t, want, schema(t, db))
		states, err := migrations.Status(t.Context(), db)
		require.NoError(t, err)
		require.Len(t, states, 1)
		assert.True(t, states[0].Applied())
		assert.False(t, states[0].AppliedAt.IsZero())

		runStatements(t, db, scriptStatements(t, db, migrations.Down))
		assert.Equal(t, []string{"job_system_migrations"}, tables(t, db))
		require.ErrorIs(t, migrations.Check(t.Context(), db), migrations.ErrNotMigrated)

		runStatements(t, db, scriptStatements(t, db, migrations.Up))
		require.NoError(t, migrations.Rollback(t.Context(), db), "Rollback also rolls back what the script applied")
		assert.Equal(t, []string{"job_system_migrations"}, tables(t, db))
	})
}

func TestEveryKindOfDatabaseHasBothScripts(t *testing.T) {
	t.Parallel()
	for _, database := range migrations.Databases() {
		for _, direction := range []migrations.Direction{migrations.Up, migrations.Down} {
			script, err := migrations.SQL(database, direction)
			require.NoError(t, err)
			assert.Contains(t, script, "job_type_lock")
			assert.Contains(t, script, "'0001_jobs'")
		}
	}
}

func TestTheErrorForAnUnknownScriptListsTheKnownOnes(t *testing.T) {
	t.Parallel()
	_, err := migrations.SQL("oracle", migrations.Up)
	require.ErrorContains(t, err, "sqlite, postgres, mysql, mariadb")
	_, err = migrations.SQL(migrations.SQLite, "sideways")
	require.ErrorContains(t, err, "up, down")
}
