package cli

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/internal/view"
)

func TestVersionNeedsNoDatabase(t *testing.T) {
	t.Parallel()
	f := setup(t)
	assert.Contains(t, f.ok("version"), "shopctl     v1.2.3\n")

	var got view.Build
	require.NoError(t, json.Unmarshal([]byte(f.ok("-o", "json", "version")), &got))
	assert.Equal(t, "shopctl", got.Name)
	assert.Equal(t, "v1.2.3", got.Version)
	assert.Equal(t, runtime.Version(), got.Go)
}
