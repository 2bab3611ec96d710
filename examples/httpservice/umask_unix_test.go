//go:build unix

package main

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
)

// It is not parallel: the umask applies to the whole process.
func TestOthersCannotReadExportsWithAnyUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	h, dir := setupExport(t, openSQLite(t))
	require.Equal(t, model.Succeeded, h.Run().Status)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	info, err := entries[0].Info()
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}
