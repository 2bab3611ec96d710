package faults_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/testutil/proof"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// fullDisk are the errors of the databases when their disk is full.
var fullDisk = []string{"No space left on device", "database or disk is full", "is full", "disk full", "Errcode: 28"}

// The disk of the database is full, and space is freed after a while. A server that has
// ended because of that is started again.
func TestTheDiskIsFullForAWhile(t *testing.T) {
	t.Parallel()
	for _, kind := range []testdb.Kind{testdb.SQLite, testdb.Postgres, testdb.MariaDB} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			disk := testdb.Disk(t, 256<<20)
			var s *scene
			var server *testdb.Server
			if kind == testdb.SQLite {
				text := dsn.File(filepath.Join(disk, "jobs.db"))
				migrate(t, text)
				s = newScene(t, text)
			} else {
				s, server = newServerScene(t, kind, testdb.ServerDisk(disk))
			}
			s.crowd.padding = 20 << 10 // so that the database needs more space soon
			s.work(2)
			for range *times {
				s.fault(func() {
					free := testdb.Fill(t, disk)
					felt := s.counted(fullDisk...)
					until(t, func() bool { return server != nil && !server.Runs() || s.counted(fullDisk...) > felt },
						func() string { return "no process notices that the disk is full" })
					last(t, lease*3/2)
					free()
					if server != nil && !server.Runs() {
						t.Logf("the server has ended")
						require.NoError(t, server.Restart())
					}
				})
			}
			s.end("disk full for 1.5 leases")
		})
	}
}

// counted returns how often a worker has logged, or the crowd has got, one of some words.
func (s *scene) counted(words ...string) (n int) {
	s.t.Helper()
	for _, text := range append(s.logs(), s.crowd.failed()...) {
		for line := range strings.Lines(text) {
			if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(line, word) }) {
				n++
			}
		}
	}
	return n
}

func (s *scene) logs() (all []string) {
	for _, w := range s.workers {
		all = append(all, s.log(w))
	}
	return all
}

func (s *scene) log(w *proof.Worker) string {
	s.t.Helper()
	text, err := w.WholeLog()
	assert.NoError(s.t, err)
	return text
}
