package testdb_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestEachEmptyDBGivesALiveDatabaseOfEveryKind(t *testing.T) {
	t.Parallel()
	versions := map[string]struct{ query, contains string }{
		"sqlite":   {"SELECT sqlite_version()", "3."},
		"postgres": {"SELECT version()", "PostgreSQL"},
		"mariadb":  {"SELECT version()", "MariaDB"},
		"mysql":    {"SELECT version()", "."},
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	t.Cleanup(func() {
		for _, kind := range testdb.Kinds(t) {
			assert.True(t, seen[string(kind)], "%s has not run", kind)
		}
	})
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		name := t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]
		mu.Lock()
		seen[name] = true
		mu.Unlock()
		var version string
		require.NoError(t, db.QueryRowContext(t.Context(), versions[name].query).Scan(&version))
		assert.Contains(t, version, versions[name].contains)
		assert.Equal(t, 0, tables(t, db))
	})
}

func TestEachDBHasTheNewestTables(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		count, err := db.NewSelect().Table("job_system_jobs").Count(t.Context())
		require.NoError(t, err)
		assert.Zero(t, count)
	})
}

func TestDatabasesOfParallelTestsAreApart(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "another", "a third"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
				_, err := db.ExecContext(t.Context(), "CREATE TABLE mine (name VARCHAR(20))")
				require.NoError(t, err)
				_, err = db.ExecContext(t.Context(), "INSERT INTO mine VALUES (?)", name)
				require.NoError(t, err)
				var names []string
				require.NoError(t, db.NewSelect().Table("mine").Column("name").Scan(t.Context(), &names))
				assert.Equal(t, []string{name}, names)
			})
		})
	}
}

func TestDatabaseIsDroppedWhenItsTestEnds(t *testing.T) {
	t.Parallel()
	for _, kind := range []testdb.Kind{testdb.Postgres, testdb.MariaDB} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			var text string
			t.Run("a test that leaves a transaction open", func(t *testing.T) {
				text = testdb.EmptyDSN(t, kind)
				db := testdb.Open(t, text)
				_, err := db.ExecContext(t.Context(), "CREATE TABLE held (id INT)")
				require.NoError(t, err)
				leak, err := open(text)
				require.NoError(t, err)
				_, err = leak.BeginTx(t.Context(), nil)
				require.NoError(t, err)
			})
			if text == "" {
				t.Skip("the inner test was skipped")
			}
			_, err := open(text)
			require.Error(t, err)
			assert.Contains(t, err.Error(), "create the database")
		})
	}
}

func TestServersAreDurableAndPrivateOnesNotInUTC(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		query, durable, zone, given := "PRAGMA synchronous", "2", "", ""
		switch db.Dialect().Name() {
		case dialect.PG:
			query = "SELECT current_setting('fsync') || current_setting('synchronous_commit') || current_setting('timezone')"
			durable, zone, given = "onon", "<+0530>-05:30", os.Getenv("JOBSYSTEM_TEST_POSTGRES_DSN")
		case dialect.MySQL:
			query = "SELECT concat(@@innodb_flush_log_at_trx_commit, @@global.time_zone)"
			durable, zone, given = "1", "+05:30", os.Getenv("JOBSYSTEM_TEST_MYSQL_DSN")
		}
		var got string
		require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&got))
		if given != "" {
			require.Greater(t, len(got), len(durable))
			zone = got[len(durable):] // any zone
		}
		assert.Equal(t, durable+zone, got)
	})
}

func tables(t *testing.T, db *bun.DB) (n int) {
	t.Helper()
	query := "SELECT count(*) FROM sqlite_master"
	switch db.Dialect().Name() {
	case dialect.PG:
		query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
	case dialect.MySQL:
		query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = database()"
	}
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}
