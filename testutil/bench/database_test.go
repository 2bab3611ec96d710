package bench

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// serverVersion is what each server says.
var serverVersion = map[testdb.Kind]string{}

// database returns a func that makes an empty one.
func database(t *testing.T, kind testdb.Kind) func(*testing.T) string {
	if kind == testdb.SQLite {
		traceSQLite()
		return func(t *testing.T) string { return dsn.File(filepath.Join(t.TempDir(), "bench.db")) }
	}
	server := testdb.StartServer(t, kind)
	db := connect(t, server.EmptyDSN(t))
	defer db.Close()
	if kind == testdb.Postgres {
		for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
			require.Equal(t, "on", scan[string](t, db, "SHOW "+setting), setting)
		}
		serverVersion[kind] = scan[string](t, db, "SHOW server_version")
		preloadStatements(t, server)
	} else {
		require.Equal(t, 1, scan[int](t, db, "SELECT @@innodb_flush_log_at_trx_commit"))
		serverVersion[kind] = scan[string](t, db, "SELECT version()")
		execute(t, db, "SET GLOBAL innodb_monitor_enable = 'trx_%'")
	}
	return func(t *testing.T) string { return server.EmptyDSN(t) }
}

// connect opens a database with the bare driver, and the settings of package
// dsn on SQLite and MariaDB.
func connect(t *testing.T, address string) *sql.DB {
	t.Helper()
	var db *sql.DB
	var err error
	if strings.HasPrefix(address, "postgres") {
		db, err = sql.Open("pgx", address)
		require.NoError(t, err)
	} else {
		b, err := dsn.Open(t.Context(), address)
		require.NoError(t, err)
		db = b.DB
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// maintenance opens the database of a PostgreSQL server that is always there.
func maintenance(t *testing.T, address string) *sql.DB {
	t.Helper()
	other, err := dsn.WithDatabase(address, "postgres")
	require.NoError(t, err)
	return connect(t, other)
}

func parsePostgres(t *testing.T, address string) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	require.NoError(t, err)
	return config
}

func scan[T any](t *testing.T, db *sql.DB, query string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, db.QueryRow(query, args...).Scan(&v), query)
	return v
}

func execute(t *testing.T, db *sql.DB, commands ...string) {
	t.Helper()
	for _, command := range commands {
		_, err := db.Exec(command)
		require.NoError(t, err, command)
	}
}
