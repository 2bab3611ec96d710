package faults_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// Eight processes write to one file, and hardly wait for each other; another one holds it
// nearly all the time.
func TestManyProcessesWriteToOneFile(t *testing.T) {
	t.Parallel()
	text := testdb.DSN(t, testdb.SQLite)
	s := newScene(t, text)
	for range 8 {
		s.add(s.fleet.Begin(hostRole, s.settings, hosting{BusyTimeout: 10}))
	}
	s.crowd.begin()
	for range *times {
		s.fault(func() {
			hog := s.fleet.Begin(hostRole, s.settings, hosting{Writes: 150 * time.Millisecond})
			last(t, 2*lease)
			assert.NoError(t, hog.Stop())
		})
	}
	assert.Positive(t, s.counted("SQLITE_BUSY", "database is locked"), "no process had to wait for another")
	s.end("8 processes with a busy timeout of 10 ms, and one that holds the file")
}

// The application around a worker uses all connections of their pool for longer than a
// lease.
func TestTheHostTakesAllConnections(t *testing.T) {
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		s := newScene(t, testdb.DSN(t, kind))
		for conns := 1; conns <= 2; conns++ {
			s.add(s.fleet.Begin(hostRole, s.settings, hosting{MaxOpen: conns, TakesAll: lease * 3 / 2}))
		}
		s.crowd.begin()
		for range *times {
			s.fault(func() {
				s.keepBusy(s.workers[0])
				for _, w := range s.workers {
					require.NoError(t, syscall.Kill(w.Process(), syscall.SIGUSR1))
				}
				last(t, lease*3/2)
			})
		}
		s.end("all 1 or 2 connections of the pool used for 1.5 leases")
	})
}

// The server has no connections left: other clients have them all.
func TestTheServerIsOutOfConnections(t *testing.T) {
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		s, server := newServerScene(t, kind, testdb.ServerSetting("max_connections", "30"))
		admin := testdb.Open(t, server.EmptyDSN(t))
		admin.SetMaxOpenConns(1)
		s.work(2)
		for range *times {
			s.fault(func() {
				s.keepBusy(s.workers[0])
				free := takeAllConnections(t, s, kind)
				last(t, lease*3/2)
				free()
			})
		}
		assert.Positive(t, s.counted("too many clients", "Too many connections", "remaining connection slots"), "no connection was rejected")
		s.end("server out of connections for 1.5 leases")
	})
}

// takeAllConnections ends the other clients' connections and opens its own instead, until
// there are none left.
func takeAllConnections(t *testing.T, s *scene, kind testdb.Kind) (free func()) {
	t.Helper()
	id, others, end := "SELECT pg_backend_pid()", "SELECT pid FROM pg_stat_activity WHERE datname = current_database()", "SELECT pg_terminate_backend(%d)"
	if kind == testdb.MariaDB {
		id, others, end = "SELECT CONNECTION_ID()", "SELECT id FROM information_schema.processlist WHERE db = DATABASE()", "KILL %d"
	}
	pool := testdb.Open(t, s.dsn)
	pool.SetMaxOpenConns(0)
	pool.SetMaxIdleConns(0)
	var held []bun.Conn
	var mine []int64
	open := func() bool {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			return false
		}
		var n int64
		require.NoError(t, conn.NewRaw(id).Scan(t.Context(), &n))
		held, mine = append(held, conn), append(mine, n)
		return true
	}
	require.True(t, open())
	for range 3 { // some may come back in between
		var ids []int64
		require.NoError(t, held[0].NewRaw(others).Scan(t.Context(), &ids))
		for _, n := range ids {
			if !slices.Contains(mine, n) {
				_, _ = held[0].NewRaw(fmt.Sprintf(end, n)).Exec(t.Context()) // it may have ended already
			}
		}
		for open() {
		}
	}
	return func() {
		for _, conn := range held {
			_ = conn.Close()
		}
	}
}
