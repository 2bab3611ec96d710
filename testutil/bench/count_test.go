package bench

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// counts is what a database has done, as it counts itself.
type counts struct {
	transactions int // committed, reads included
	statements   int // without BEGIN and COMMIT; uncounted if it was not asked to
	asked        int // by the harness, of both
}

// uncounted stands for a number of statements that was not counted.
const uncounted = -1

// asked is how many questions the harness has asked that are not the system's.
var asked atomic.Int64

// count is what a database has done so far. Nobody may be connected to it.
func count(t *testing.T, kind testdb.Kind, address string, s shape) counts {
	t.Helper()
	c := counts{asked: int(asked.Load())}
	switch kind {
	case testdb.Postgres:
		c.transactions = commits(t, address)
		c.statements = calls(t, address, s)
	case testdb.MariaDB:
		db := connect(t, address)
		defer db.Close()
		c.transactions = scan[int](t, db, `SELECT SUM(count) FROM information_schema.innodb_metrics
			WHERE name IN ('trx_rw_commits', 'trx_ro_commits', 'trx_nl_ro_commits')`)
		c.statements = scan[int](t, db, `SELECT SUM(variable_value) FROM information_schema.global_status
			WHERE variable_name IN ('Com_select', 'Com_insert', 'Com_insert_select', 'Com_update', 'Com_update_multi', 'Com_delete', 'Com_delete_multi', 'Com_replace')`)
	case testdb.SQLite:
		c.transactions = int(traced.transactions.Load())
		c.statements = int(traced.statements.Load())
	}
	return c
}

func (c counts) since(before counts) counts {
	c.transactions -= before.transactions + c.asked - before.asked
	if c.statements != uncounted {
		c.statements -= before.statements + c.asked - before.asked
	}
	return c
}

// each is what was done for each of that many steps.
func (c counts) each(steps float64) string {
	text := fmt.Sprintf("%.2f", float64(c.transactions)/steps)
	if c.statements != uncounted {
		text += fmt.Sprintf(" (%.2f)", float64(c.statements)/steps)
	}
	return text
}

// commits returns the number of transactions of a PostgreSQL database. A server process
// reports its own at its end at the latest, so all of them must have ended.
func commits(t *testing.T, address string) int {
	t.Helper()
	name := parsePostgres(t, address).Database
	db := maintenance(t, address)
	defer db.Close()
	require.Eventually(t, func() bool {
		runtime.GC() // go-workflows leaves the connection that made its tables to its finalizer
		return scan[int](t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'", name) == 0
	}, 20*time.Second, 10*time.Millisecond, "a connection is left")
	return scan[int](t, db, "SELECT xact_commit FROM pg_stat_database WHERE datname = $1", name)
}

// preloaded says that PostgreSQL can count statements.
var preloaded bool

// preloadStatements makes a PostgreSQL server able to count statements. It counts them only
// if watchStatements enables that, which slows everything by some percent.
func preloadStatements(t *testing.T, server *testdb.Server) {
	t.Helper()
	db := maintenance(t, server.EmptyDSN(t))
	preloaded = scan[int](t, db, "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'") == 1
	if !preloaded {
		return
	}
	execute(t, db, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
	require.NoError(t, db.Close())
	require.NoError(t, server.Restart())
	db = maintenance(t, server.EmptyDSN(t))
	defer db.Close()
	execute(t, db,
		"CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
		"ALTER SYSTEM SET pg_stat_statements.track = 'none'",
		fmt.Sprintf("ALTER SYSTEM SET pg_stat_statements.track_planning = %t", *statements),
		"SELECT pg_reload_conf()",
	)
}

// counted reports whether PostgreSQL counts the statements of a workload.
func counted(s shape) bool { return preloaded && (*statements || s.name == "alone") }

// watchStatements begins to count the statements in a PostgreSQL database.
func watchStatements(t *testing.T, kind testdb.Kind, address string, s shape) {
	if kind != testdb.Postgres || !counted(s) {
		return
	}
	t.Helper()
	db := maintenance(t, address)
	defer db.Close()
	execute(t, db,
		fmt.Sprintf("ALTER DATABASE %s SET pg_stat_statements.track = 'top'", parsePostgres(t, address).Database),
		"SELECT pg_stat_statements_reset()",
	)
}

// calls is how many statements a PostgreSQL database has run, and with
// -statements it prints those that took longest.
func calls(t *testing.T, address string, s shape) int {
	if !counted(s) {
		return uncounted
	}
	t.Helper()
	db := maintenance(t, address)
	defer db.Close()
	rows, err := db.Query(`SELECT calls, total_plan_time, total_exec_time, wal_bytes, left(regexp_replace(query, '\s+', ' ', 'g'), 160)
		FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
		WHERE d.datname = $1 AND query !~* '^(begin|commit|rollback)' ORDER BY total_plan_time + total_exec_time DESC`, parsePostgres(t, address).Database)
	require.NoError(t, err)
	defer rows.Close()
	all, planned, executed := 0, 0.0, 0.0
	for n := 0; rows.Next(); n++ {
		var calls int
		var plan, took, wal float64
		var query string
		require.NoError(t, rows.Scan(&calls, &plan, &took, &wal, &query))
		all, planned, executed = all+calls, planned+plan, executed+took
		if n < 6 && *statements {
			fmt.Fprintf(os.Stderr, "          %6d calls, %7.0f ms in all, each %.3f ms to plan, %.3f ms to execute, %.0f bytes of log: %s\n",
				calls, plan+took, plan/float64(calls), took/float64(calls), wal/float64(calls), query)
		}
	}
	require.NoError(t, rows.Err())
	if all > 0 && *statements {
		fmt.Fprintf(os.Stderr, "          %6d calls of all statements, %.0f ms to plan, %.0f ms to execute\n", all, planned, executed)
	}
	return all
}
