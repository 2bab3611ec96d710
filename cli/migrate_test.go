package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestMigrateUpStatusAndDownOnEveryDatabase(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		testdb.Open(t, text) // makes the file of SQLite
		advice := f.fails(ExitUsage, "list")
		assert.Regexp(t, `^shopctl: the database is not migrated: \S+ lacks \d\S+; make its tables with: shopctl --dsn \S+ migrate up\n`, advice)
		assert.Equal(t, 1, strings.Count(advice, "migrate up"))

		assert.Contains(t, f.ok("migrate", "status"), " no ")
		assert.Contains(t, f.ok("migrate", "up"), "applied ")
		assert.Equal(t, "nothing to do\n", f.ok("migrate", "up"))
		assert.Contains(t, f.ok("migrate", "status"), " group 1 ")
		f.ok("list")

		message := f.fails(ExitUsage, "migrate", "down")
		assert.Contains(t, message, "add --yes to do it")
		assert.Contains(t, message, "drop")
		f.ok("list") // nothing has been undone

		assert.Contains(t, f.ok("migrate", "down", "--yes"), "undid ")
		f.fails(ExitUsage, "list")
		assert.Equal(t, "nothing to do\n", f.ok("migrate", "down", "--yes"))
		assert.Equal(t, "nothing to do\n", f.ok("migrate", "down"))
	})
}

func TestMigrateSpeaksJSON(t *testing.T) {
	t.Parallel()
	f := setup(t)
	states := func(args ...string) (list []migrations.State) {
		require.NoError(t, json.Unmarshal([]byte(f.ok(append([]string{"-o", "json", "migrate"}, args...)...)), &list))
		return list
	}
	up := states("up")
	require.NotEmpty(t, up)
	assert.Equal(t, up, states("status"))
	assert.Empty(t, states("up"))
	down := states("down", "--yes")
	assert.Len(t, down, len(up))
	assert.False(t, down[0].Applied())
}

func TestMigrateSQLConnectsToNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, kind := range migrations.Databases() {
		for _, direction := range []migrations.Direction{migrations.Up, migrations.Down} {
			want, err := migrations.SQL(kind, direction)
			require.NoError(t, err)
			assert.Equal(t, want, f.ok("migrate", "sql", "--database", string(kind), "--direction", string(direction)))
		}
	}
	want, err := migrations.SQL(migrations.PostgreSQL, migrations.Up)
	require.NoError(t, err)
	assert.Equal(t, want, f.ok("--dsn", "postgres://nobody@127.0.0.1:1/none", "migrate", "sql"))
}

func TestAMistypedFileIsNotMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mistyped.db")
	f := setupOn(t, dsn.File(path))
	for _, args := range [][]string{
		{"list"}, {"types"}, {"show", someID}, {"cancel", someID}, {"resume", someID}, {"restart", someID},
		{"delete", someID}, {"watch", someID}, {"migrate", "status"}, {"migrate", "down", "--yes"},
	} {
		assert.Contains(t, f.fails(ExitUnreachable, args...), "there is no SQLite file")
		assert.NoFileExists(t, path)
	}
}

func TestADatabaseThatCannotBeUsedExitsWith4(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	garbage := filepath.Join(folder, "garbage.db")
	require.NoError(t, os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600))
	for name, path := range map[string]string{
		"no folder":     filepath.Join(folder, "none", "jobs.db"),
		"a folder":      folder,
		"another thing": garbage,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setupOn(t, dsn.File(path))
			for _, command := range []string{"worker", "demo"} {
				assert.Contains(t, f.fails(ExitUnreachable, command), path)
			}
			assert.Contains(t, f.fails(ExitUnreachable, "enqueue", "x"), path)
		})
	}
	t.Run("another server's database", func(t *testing.T) {
		t.Parallel()
		testdb.EachDSN(t, func(t *testing.T, text string) {
			if isSQLite(text) {
				return // its databases are files
			}
			none, err := dsn.WithDatabase(text, "no_such_database")
			require.NoError(t, err)
			assert.Contains(t, setupOn(t, none).fails(ExitUnreachable, "list"), "the database cannot be used: ")
		})
	})
}

func TestEnqueueAndWorkerMakeTablesOnSQLiteOnly(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		if isSQLite(text) {
			assert.Contains(t, f.run("enqueue", orderType).stderr, "made the tables")
			assert.NotContains(t, f.run("enqueue", orderType).stderr, "made the tables")
			return
		}
		assert.Contains(t, f.fails(ExitUsage, "enqueue", orderType), "migrate up")
		assert.Contains(t, f.fails(ExitUsage, "worker"), "migrate up")
		f.worker("--migrate")
		f.ok("enqueue", orderType)
	})
}

func TestTheTablesOfACommandHaveAPrefix(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		testdb.Open(t, text) // makes the file of SQLite
		f.ok("migrate", "up")
		advice := f.fails(ExitUsage, "--table-prefix", "crm_", "list")
		assert.Regexp(t, `make its tables with: shopctl --dsn \S+ --table-prefix crm_ migrate up\n`, advice)
		assert.Contains(t, f.ok("--table-prefix", "crm_", "migrate", "up"), "creates crm_job_system_jobs and crm_job_type_lock")
		assert.Contains(t, f.ok("--table-prefix", "crm_", "migrate", "sql"), "TABLE IF NOT EXISTS crm_job_type_lock")
		f.ok("--table-prefix", "crm_", "list")
		assert.Contains(t, f.ok("--table-prefix", "crm_", "migrate", "down", "--yes"), "crm_job_system_jobs")
		f.ok("list")
		assert.Contains(t, f.fails(ExitUsage, "--table-prefix", "Crm", "list"), `table prefix "Crm"`)
	})
}
