//go:build unix

package flights

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil"
)

// It is not parallel: the umask is the process's.
func TestNothingOfAReportIsOpenToOthersWhateverTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	h, root := harness(t)
	h.Enqueue(quick)
	h.Kill(testutil.AfterStep("write")) // with its work files still there
	files := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o640)
		if entry.IsDir() {
			want = 0o750
		} else {
			files++
		}
		assert.Equal(t, want, info.Mode().Perm(), path)
		return nil
	}))
	assert.Greater(t, files, 2)
	h.Resume()
	require.Equal(t, model.Succeeded, h.Run().Status)
}
