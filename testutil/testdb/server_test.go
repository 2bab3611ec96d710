package testdb_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func open(text string) (*bun.DB, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return dsn.Open(ctx, text)
}

func TestServerComesBackWithItsData(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*testdb.Server) error{
		"after a stop":      (*testdb.Server).Stop,
		"after a kill":      (*testdb.Server).Kill,
		"restarted running": func(*testdb.Server) error { return nil },
	}
	for _, kind := range []testdb.Kind{testdb.Postgres, testdb.MariaDB} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := testdb.StartServer(t, kind)
			text := server.EmptyDSN(t)
			db := testdb.Open(t, text)
			_, err := db.ExecContext(t.Context(), "CREATE TABLE kept (name VARCHAR(20))")
			require.NoError(t, err)
			written := 0
			for name, end := range ends {
				_, err = db.ExecContext(t.Context(), "INSERT INTO kept VALUES (?)", name)
				require.NoError(t, err)
				written++
				require.NoError(t, end(server))
				if name != "restarted running" {
					_, err := open(text)
					require.ErrorIs(t, err, dsn.ErrUnreachable)
				}
				require.NoError(t, server.Restart())
				// Earlier connections are broken; the pool detects that.
				again := testdb.Open(t, text)
				count, err := again.NewSelect().Table("kept").Count(t.Context())
				require.NoError(t, err)
				assert.EqualValues(t, written, count, name)
				db = again
			}
		})
	}
}

func TestKillEndsWhatTheServerIsDoing(t *testing.T) {
	t.Parallel()
	// A minute of work during which PostgreSQL's backend does not wait once: it would
	// continue if only its parent is killed.
	work := map[testdb.Kind]string{
		testdb.Postgres: "INSERT INTO t SELECT count(*) FROM generate_series(1, 30000) a, generate_series(1, 30000) b",
		testdb.MariaDB:  "INSERT INTO t SELECT count(*) FROM seq_1_to_30000 a, seq_1_to_30000 b",
	}
	busy := map[testdb.Kind]string{
		testdb.Postgres: "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'INSERT INTO t %'",
		testdb.MariaDB:  "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'INSERT INTO t %'",
	}
	for kind, statement := range work {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := testdb.StartServer(t, kind)
			db := testdb.Open(t, server.EmptyDSN(t))
			_, err := db.ExecContext(t.Context(), "CREATE TABLE t (n INT)")
			require.NoError(t, err)
			ended := make(chan error, 1)
			go func() {
				_, err := db.ExecContext(context.Background(), statement)
				ended <- err
			}()
			require.Eventually(t, func() bool {
				var n int
				return db.QueryRowContext(t.Context(), busy[kind]).Scan(&n) == nil && n > 0
			}, 20*time.Second, 5*time.Millisecond)
			require.NoError(t, server.Kill())
			require.Error(t, <-ended)
			require.NoError(t, server.Restart())
			count, err := testdb.Open(t, server.EmptyDSN(t)).NewSelect().TableExpr("(SELECT 1 AS one) AS it").Count(t.Context())
			require.NoError(t, err)
			assert.EqualValues(t, 1, count)
		})
	}
}

func TestStoppedServerCanBeStoppedAndKilledAgain(t *testing.T) {
	t.Parallel()
	server := testdb.StartServer(t, testdb.MariaDB)
	require.NoError(t, server.Stop())
	require.NoError(t, server.Stop())
	require.NoError(t, server.Kill())
}
