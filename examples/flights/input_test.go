package flights

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheZeroInputHasTheDefaults(t *testing.T) {
	t.Parallel()
	in, err := Input{}.complete()
	require.NoError(t, err)
	assert.Equal(t, Input{Dir: "reports", Resamples: 20_000, Top: 12}, in)
	in, err = Input{Dir: "a/./b/../c/", Resamples: 200, Top: 3}.complete()
	require.NoError(t, err)
	assert.Equal(t, Input{Dir: filepath.FromSlash("a/c"), Resamples: 200, Top: 3}, in)
}

func TestADirOutsideTheRootIsAnError(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"..", "../x", "a/../../x", "/etc", "/"} {
		_, err := Input{Dir: dir}.complete()
		require.ErrorContains(t, err, "is outside the root of reports", dir)
	}
}

func TestTheErrorOfAnInputListsAllMistakes(t *testing.T) {
	t.Parallel()
	_, err := Input{Dir: "..", Resamples: 199, Top: 31}.complete()
	require.ErrorContains(t, err, "dir")
	require.ErrorContains(t, err, "resamples is 199: want 200 to 100000")
	require.ErrorContains(t, err, "top is 31: want 3 to 30")
}

func TestALinkOutOfTheRootIsAnError(t *testing.T) {
	t.Parallel()
	root, outside := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(root, "reports")))
	_, err := openReports(root, "reports")
	require.Error(t, err)
	_, err = openReports(root, "reports/deeper")
	require.Error(t, err)
	assert.NoDirExists(t, filepath.Join(outside, "deeper"))
}
