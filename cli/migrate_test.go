package cli

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil"
)

func TestMigrateUpStatusAndDownOnEveryDatabase(t *testing.T) {
	t.Parallel()
	testutil.EachEmptyDSN(t, func(t *testing.T, text string) {
		b := setupOn(t, text)
		testutil.Open(t, text) // makes the file of SQLite
		assert.Contains(t, b.fails(ExitUsage, "list"), "make its tables with: shopctl migrate up")

		assert.Contains(t, b.ok("migrate", "status"), " no ")
		assert.Contains(t, b.ok("migrate", "up"), "applied ")
		assert.Equal(t, "nothing to do\n", b.ok("migrate", "up"))
		assert.Contains(t, b.ok("migrate", "status"), " group 1 ")
		b.ok("list")

		refusal := b.fails(ExitUsage, "migrate", "down")
		assert.Contains(t, refusal, "add --yes to do it")
		assert.Contains(t, refusal, "drop")
		b.ok("list") // nothing has been undone

		assert.Contains(t, b.ok("migrate", "down", "--yes"), "undid ")
		b.fails(ExitUsage, "list")
		assert.Equal(t, "nothing to do\n", b.ok("migrate", "down", "--yes"))
		assert.Contains(t, b.fails(ExitUsage, "migrate", "down"), "nothing is applied")
	})
}

func TestMigrateSpeaksJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	states := func(args ...string) (list []migrations.State) {
		require.NoError(t, json.Unmarshal([]byte(b.ok(append([]string{"-o", "json", "migrate"}, args...)...)), &list))
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
	b := setup(t)
	for _, kind := range migrations.Databases() {
		for _, direction := range []migrations.Direction{migrations.Up, migrations.Down} {
			want, err := migrations.SQL(kind, direction)
			require.NoError(t, err)
			assert.Equal(t, want, b.ok("migrate", "sql", "--database", string(kind), "--direction", string(direction)))
		}
	}
	want, err := migrations.SQL(migrations.PostgreSQL, migrations.Up)
	require.NoError(t, err)
	assert.Equal(t, want, b.ok("--dsn", "postgres://nobody@127.0.0.1:1/none", "migrate", "sql"))
}

func TestAMistypedFileIsNotMade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mistyped.db")
	b := setupOn(t, dsn.File(path))
	for _, args := range [][]string{
		{"list"}, {"types"}, {"show", someID}, {"cancel", someID}, {"resume", someID}, {"restart", someID},
		{"delete", someID}, {"watch", someID}, {"migrate", "status"}, {"migrate", "down", "--yes"},
	} {
		assert.Contains(t, b.fails(ExitUnreachable, args...), "there is no SQLite file")
		assert.NoFileExists(t, path)
	}
}

func TestEnqueueAndWorkerMakeTablesOnSQLiteOnly(t *testing.T) {
	t.Parallel()
	testutil.EachEmptyDSN(t, func(t *testing.T, text string) {
		b := setupOn(t, text)
		if databaseOf(text) == migrations.SQLite {
			assert.Contains(t, b.run("enqueue", orderType).stderr, "made the tables")
			assert.NotContains(t, b.run("enqueue", orderType).stderr, "made the tables")
			return
		}
		assert.Contains(t, b.fails(ExitUsage, "enqueue", orderType), "migrate up")
		assert.Contains(t, b.fails(ExitUsage, "worker"), "migrate up")
		b.worker("--migrate")
		b.ok("enqueue", orderType)
	})
}
