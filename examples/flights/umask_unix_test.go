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

// It is not parallel: the umask applies to the whole process.
func TestOthersCannotReadReportsWithAnyUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	h, root := newHarness(t)
	h.Enqueue(smallInput)
	h.Kill(testutil.AfterStep("write")) // before its work files are removed
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
