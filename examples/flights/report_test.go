package flights

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil"
)

// smallInput is the input of the fastest report.
var smallInput = Input{Dir: "made/here", Resamples: 200, Top: 5}

func newHarness(t *testing.T) (*testutil.Harness, string) {
	t.Helper()
	root := t.TempDir()
	return testutil.NewHarness(t, Report(Config{
		Root: root,
		load: loadGenerated,
		Now:  func() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) },
	})), root
}

func TestTheReportIsTheSameAfterItsJobWasKilled(t *testing.T) {
	t.Parallel()
	h, root := newHarness(t)
	h.Enqueue(smallInput)
	require.Equal(t, model.Succeeded, h.Run().Status)
	want, err := os.ReadFile(filepath.Join(root, "made/here", ReportName))
	require.NoError(t, err)

	var written Written
	h.Output("tidy", &written)
	assert.Equal(t, filepath.Join(root, "made/here", ReportName), written.Path)
	assert.Len(t, want, written.Bytes)
	requireSelfContained(t, string(want))
	work, err := os.ReadDir(filepath.Join(root, "made/here/work"))
	require.NoError(t, err)
	assert.Empty(t, work, "the work files are removed")
	for _, record := range h.Records() {
		assert.Less(t, len(record.Output), 16<<10, record.Name)
	}

	killed, root := newHarness(t)
	killed.Enqueue(smallInput)
	killed.Kill(testutil.AfterStep("clean"))
	killed.Resume()
	killed.Kill(testutil.AtCheckpoint("rank", 20))
	killed.Resume()
	killed.Kill(testutil.BeforeRecord("write"))
	killed.Resume()
	require.Equal(t, model.Succeeded, killed.Run().Status)
	got, err := os.ReadFile(filepath.Join(root, "made/here", ReportName))
	require.NoError(t, err)
	assert.True(t, string(want) == string(got), "the pages differ")
}

func TestAReportOutsideTheRootFails(t *testing.T) {
	t.Parallel()
	h, root := newHarness(t)
	h.Enqueue(Input{Dir: "../elsewhere"})
	status := h.Run()
	assert.Equal(t, model.Failed, status.Status)
	assert.Contains(t, status.Error, `dir "../elsewhere" is outside the root of reports`)
	assert.NoDirExists(t, filepath.Join(filepath.Dir(root), "elsewhere"))
}

func TestAReportWithoutItsWorkFilesSaysToRestartTheJob(t *testing.T) {
	t.Parallel()
	h, root := newHarness(t)
	h.Enqueue(smallInput)
	h.Kill(testutil.AfterStep("load"))
	require.NoError(t, os.RemoveAll(filepath.Join(root, "made")))
	h.Resume()
	status := h.Run()
	assert.Equal(t, model.Failed, status.Status)
	assert.Contains(t, status.Error, "restart the job to create it again")
	h.Restart()
	assert.Equal(t, model.Succeeded, h.Run().Status)
}

func TestTheDefinitionIsValid(t *testing.T) {
	t.Parallel()
	report := Report(Config{})
	require.NoError(t, report.Validate())
	assert.Equal(t, "flights:report", report.JobType())
}
