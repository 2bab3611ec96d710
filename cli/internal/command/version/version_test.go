package version

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/cli/internal/view"
)

func TestVersionTellsWhatGoHasPutIntoTheBinary(t *testing.T) {
	t.Parallel()
	b := view.Build{Name: "shopctl", Go: "go1.26.8", Platform: "linux/amd64"}
	read(&b, &debug.BuildInfo{
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
