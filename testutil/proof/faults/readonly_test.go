package faults_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The database rejects writes for a while: the workers log that, and continue by themselves
// afterwards.
func TestTheDatabaseIsReadOnlyForAWhile(t *testing.T) {
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		server := testdb.StartServer(t, kind)
		text := server.EmptyDSN(t)
		migrate(t, text)
		admin := testdb.Open(t, text)
		admin.SetMaxOpenConns(1)
		at, err := url.Parse(text)
		require.NoError(t, err)
		database := strings.TrimPrefix(at.Path, "/")
		exec := func(query string) {
			t.Helper()
			_, err := admin.NewRaw(query).Exec(t.Context())
			require.NoError(t, err)
		}
		set := func(readOnly bool) {
			exec(fmt.Sprintf("ALTER DATABASE %s SET default_transaction_read_only = %t", database, readOnly))
			endConnections(t, kind, admin) // existing ones keep their settings
		}
		says := "read-only"
		if kind == testdb.MariaDB {
			exec("CREATE USER ordinary@'127.0.0.1' IDENTIFIED BY 'ordinary'") // for whom the setting holds
			exec("GRANT ALL ON " + database + ".* TO ordinary@'127.0.0.1'")
			at.User = url.UserPassword("ordinary", "ordinary")
			set = func(readOnly bool) { exec(fmt.Sprintf("SET GLOBAL read_only = %t", readOnly)) }
		}
		s := newScene(t, at.String())
		s.work(2)
		for range *times {
			s.fault(func() {
				s.keepBusy(s.workers[0])
				set(true)
				last(t, lease*3/2)
				set(false)
			})
		}
		for _, w := range s.workers {
			assert.Contains(t, s.log(w), says, "it is not logged")
		}
		s.end("database read-only for 1.5 leases")
	})
}

// A SQLite file on a read-only disk is an error that says what to do, and can be opened
// once it is writable.
func TestAReadOnlyFileIsRejected(t *testing.T) {
	t.Parallel()
	disk := testdb.Disk(t, 4<<20)
	text := dsn.File(filepath.Join(disk, "jobs.db"))
	db, err := dsn.Open(t.Context(), text)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.NoError(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err = dsn.Open(t.Context(), text)
	require.ErrorIs(t, err, dsn.ErrUnreachable)
	assert.Contains(t, err.Error(), "check the file's permissions, its folder and the disk")
	require.NoError(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT, ""))
	db, err = dsn.Open(t.Context(), text)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = os.Stat(filepath.Join(disk, "jobs.db"))
	require.NoError(t, err)
}
