package flights

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAWorkFileIsLoadedAsItWasSaved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWork(t, dir)
	for _, content := range []string{"first", "second"} {
		file, err := w.save("a.json", []byte(content))
		require.NoError(t, err)
		got, err := w.load(file)
		require.NoError(t, err)
		assert.Equal(t, content, string(got))
	}
	entries, err := os.ReadDir(filepath.Join(dir, "work/job"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")
	info, err := entries[0].Info()
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o640), info.Mode().Perm())
}

func TestAMissingOrChangedWorkFileIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWork(t, dir)
	file, err := w.save("a.json", []byte("content"))
	require.NoError(t, err)
	name := filepath.Join(dir, "work/job/a.json")

	require.NoError(t, os.WriteFile(name, []byte("changed"), 0o640))
	_, err = w.load(file)
	require.ErrorIs(t, err, ErrWorkFile)
	require.ErrorContains(t, err, "restart the job")

	require.NoError(t, os.Remove(name))
	_, err = w.load(file)
	require.ErrorIs(t, err, ErrWorkFile)
	require.ErrorContains(t, err, "does not exist")

	_, err = w.load(File{})
	require.ErrorIs(t, err, ErrWorkFile)
}

func TestAWorkDirDoesNotWriteOutsideItsRoot(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	w := openWork(t, dir)
	_, err := w.save("../../../escaped", []byte("x"))
	require.Error(t, err)
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "work/job/link")))
	_, err = w.save("link/escaped", []byte("x"))
	require.Error(t, err)
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestAWorkDirCanBeRemovedTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWork(t, dir)
	_, err := w.save("a.json", []byte("content"))
	require.NoError(t, err)
	require.NoError(t, w.Remove())
	require.NoError(t, w.Remove())
	assert.NoDirExists(t, filepath.Join(dir, "work/job"))
}
