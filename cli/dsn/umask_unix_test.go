//go:build unix

package dsn_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// It is not parallel: the umask is the process's.
func TestSQLiteFilesAreTheOwnersOnlyWhateverTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	path := filepath.Join(t.TempDir(), "jobs.db")
	db := testdb.Open(t, dsn.File(path))
	_, err := db.ExecContext(t.Context(), "CREATE TABLE t (n INT)")
	require.NoError(t, err)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "jobs.db%s", suffix)
	}
}
