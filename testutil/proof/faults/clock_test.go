package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// dbClock is the clock of a server of the test's own, which the test can set.
type dbClock struct {
	t    *testing.T
	file string
}

// newDBClock returns a clock, and the option that makes a server use it.
func newDBClock(t *testing.T, ahead time.Duration) (*dbClock, testdb.ServerOption) {
	t.Helper()
	libraries, err := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
	require.NoError(t, err)
	if len(libraries) == 0 {
		testdb.Missing(t, "libfaketime (Debian's package faketime)")
	}
	dir, err := os.MkdirTemp("", "jobsystem-clock-") // the server must be able to read it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	c := &dbClock{t, filepath.Join(dir, "clock")}
	c.set(ahead)
	return c, testdb.ServerEnvironment("LD_PRELOAD="+libraries[0], "FAKETIME_TIMESTAMP_FILE="+c.file,
		"FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_RESET=1")
}

// set puts the clock ahead of the host's. The change is atomic for its readers.
func (c *dbClock) set(ahead time.Duration) {
	c.t.Helper()
	draft := c.file + ".new"
	require.NoError(c.t, os.WriteFile(draft, fmt.Appendf(nil, "%+d\n", int(ahead.Seconds())), 0o644))
	require.NoError(c.t, os.Rename(draft, c.file))
}

// check checks that the database uses the clock.
func (c *dbClock) check(s *scene, ahead time.Duration) {
	c.t.Helper()
	query := "SELECT EXTRACT(EPOCH FROM clock_timestamp())::bigint"
	if s.db.Dialect().Name().String() != "pg" {
		query = "SELECT TIMESTAMPDIFF(SECOND, '1970-01-01', UTC_TIMESTAMP())"
	}
	var seconds int64
	require.NoError(c.t, s.db.NewRaw(query).Scan(c.t.Context(), &seconds))
	require.InDelta(c.t, time.Now().Add(ahead).Unix(), seconds, 60, "the database's clock was not set")
}

// A host's clock is an hour behind the database's, or an hour ahead: only the database's
// counts.
func TestTheClocksAreAnHourApart(t *testing.T) {
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
			t.Run(fmt.Sprint("database ahead by ", ahead), func(t *testing.T) {
				t.Parallel()
				clock, option := newDBClock(t, ahead)
				s, _ := newServerScene(t, kind, option)
				clock.check(s, ahead)
				s.work(2)
				for i := range *times {
					w := s.workers[i%2]
					s.fault(func() {
						s.keepBusy(w)
						require.NoError(t, w.Freeze())
						s.awaitTakeover(w)
						require.NoError(t, w.Thaw())
					})
				}
				s.end(fmt.Sprintf("clock %v apart, worker frozen", ahead))
			})
		}
	})
}

// The database's own clock steps while jobs run. A step forward expires leases early: jobs
// are settled as interrupted, and the fence rejects the writes of their old runs. After a
// step back, what was due waits until the clock is there again.
func TestTheDatabasesClockSteps(t *testing.T) {
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		clock, option := newDBClock(t, 0)
		s, _ := newServerScene(t, kind, option)
		s.work(2)
		ahead := time.Duration(0)
		for range *times {
			for _, step := range []time.Duration{time.Hour, -4 * time.Second, -time.Hour, time.Hour} {
				s.keepBusy(s.workers[0])
				ahead += step
				if step == -time.Hour { // and back in the next step
					clock.set(ahead)
					clock.check(s, ahead)
					last(t, lease*3/2)
					continue
				}
				s.fault(func() { clock.set(ahead); clock.check(s, ahead) })
			}
		}
		s.end("database's clock stepped by an hour forward, 4 s and an hour back")
	})
}
