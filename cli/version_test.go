package cli

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersionNeedsNoDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	assert.Contains(t, b.ok("version"), "shopctl     v1.2.3\n")

	var got build
	require.NoError(t, json.Unmarshal([]byte(b.ok("-o", "json", "version")), &got))
	assert.Equal(t, "shopctl", got.Name)
	assert.Equal(t, "v1.2.3", got.Version)
	assert.Equal(t, runtime.Version(), got.Go)
}

func TestVersionTellsWhatGoHasPutIntoTheBinary(t *testing.T) {
	t.Parallel()
	b := build{Name: "shopctl", Go: "go1.26.8", Platform: "linux/amd64"}
	b.read(&debug.BuildInfo{
		Main: debug.Module{Version: "v0.4.0"},
		Deps: []*debug.Module{{Path: "example.org/x", Version: "v9"}, {Path: modulePath, Version: "v1.0.1"}},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-10-01T06:00:00Z"}, {Key: "vcs.modified", Value: "true"},
		},
	})
	assert.Equal(t, `shopctl     v0.4.0
jobsystem   v1.0.1
go          go1.26.8 linux/amd64
revision    abc, with changes
of          2026-10-01T06:00:00Z
`, b.String())
}
