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

// quick is the smallest report.
var quick = Input{Dir: "made/here", Resamples: 200, Top: 5}

func harness(t *testing.T) (*testutil.Harness, string) {
	t.Helper()
	root := t.TempDir()
	return testutil.NewHarness(t, Report(Config{
		Root: root,
		load: loadMadeUp,
		Now:  func() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) },
	})), root
}

func TestTheReportIsTheSameWhetherOrNotItsJobWasKilled(t *testing.T) {
	t.Parallel()
	h, root := harness(t)
	h.Enqueue(quick)
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
	assert.Empty(t, work, "nothing is left of what the steps handed each other")
	for _, record := range h.Records() {
		assert.Less(t, len(record.Output), 16<<10, record.Name)
	}

	again, root := harness(t)
	again.Enqueue(quick)
	again.Kill(testutil.AfterStep("clean"))
	again.Resume()
	again.Kill(testutil.AtCheckpoint("rank", 20))
	again.Resume()
	again.Kill(testutil.BeforeRecord("write"))
	again.Resume()
	require.Equal(t, model.Succeeded, again.Run().Status)
	got, err := os.ReadFile(filepath.Join(root, "made/here", ReportName))
	require.NoError(t, err)
	assert.True(t, string(want) == string(got), "the pages differ")
}

func TestAReportThatWouldLeaveItsPlaceFails(t *testing.T) {
	t.Parallel()
	h, root := harness(t)
	h.Enqueue(Input{Dir: "../elsewhere"})
	status := h.Run()
	assert.Equal(t, model.Failed, status.Status)
	assert.Contains(t, status.Error, `dir "../elsewhere" leads out of the place for reports`)
	assert.NoDirExists(t, filepath.Join(filepath.Dir(root), "elsewhere"))
}

func TestAReportWhoseWorkIsGoneSaysWhatToDo(t *testing.T) {
	t.Parallel()
	h, root := harness(t)
	h.Enqueue(quick)
	h.Kill(testutil.AfterStep("load"))
	require.NoError(t, os.RemoveAll(filepath.Join(root, "made")))
	h.Resume()
	status := h.Run()
	assert.Equal(t, model.Failed, status.Status)
	assert.Contains(t, status.Error, "restart the job to make it again")
	h.Restart()
	assert.Equal(t, model.Succeeded, h.Run().Status)
}

func TestTheDefinitionHasNoMistakes(t *testing.T) {
	t.Parallel()
	report := Report(Config{})
	require.NoError(t, report.Validate())
	assert.Equal(t, "flights:report", report.JobType())
}
