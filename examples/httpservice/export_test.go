package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// setupExport returns a harness with a job of orders:export, and the folder
// that it writes to.
func setupExport(t *testing.T, db *bun.DB) (*testutil.Harness, string) {
	t.Helper()
	orders, dir := &Orders{db: db}, t.TempDir()
	require.NoError(t, orders.Prepare(t.Context()))
	h := testutil.NewHarness(t, ExportOrders(orders, dir), testutil.OnDB(db))
	h.Enqueue(Export{Country: "DE"})
	return h, dir
}

func private(t *testing.T) *bun.DB {
	t.Helper()
	return testdb.Open(t, testdb.DSN(t, testdb.SQLite))
}

// exported is the file that a succeeded job has written.
func exported(t *testing.T, h *testutil.Harness, dir string) string {
	t.Helper()
	var p Published
	h.Output("publish", &p)
	text, err := os.ReadFile(filepath.Join(dir, p.File))
	require.NoError(t, err)
	return string(text)
}

func TestExportWritesEveryOrderOfTheCountryOnce(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		h, dir := setupExport(t, db)

		status := h.Run()

		require.Equal(t, model.Succeeded, status.Status, status.Error)
		text := exported(t, h, dir)
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 401)
		assert.Equal(t, []string{"id", "ordered_at", "customer", "country", "total"}, rows[0])
		assert.Equal(t, []string{"2", "2026-01-01T11:14:00Z", `Cleo "the cat"`, "DE", "159.38"}, rows[1])
		seen := map[string]bool{}
		for _, row := range rows[1:] {
			assert.Equal(t, "DE", row[3])
			assert.False(t, seen[row[0]], "order %s is there twice", row[0])
			seen[row[0]] = true
		}
	})
}

func TestExportThatIsBrokenOffWritesTheSameFile(t *testing.T) {
	t.Parallel()
	undisturbed, undisturbedDir := setupExport(t, private(t))
	require.Equal(t, model.Succeeded, undisturbed.Run().Status)
	want := exported(t, undisturbed, undisturbedDir)

	for _, at := range []testutil.Moment{
		testutil.BeforeStep("count"), testutil.AfterStep("count"), testutil.AtProgress("write", 4), testutil.AtCheckpoint("write", 1),
		testutil.AtCheckpoint("write", 7), testutil.BeforeRecord("write"), testutil.AfterStep("write"), testutil.BeforeRecord("publish"),
	} {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			h, dir := setupExport(t, private(t))

			require.Equal(t, model.Failed, h.Kill(at).Status)
			h.Resume()
			status := h.Run()

			require.Equal(t, model.Succeeded, status.Status, status.Error)
			assert.Equal(t, want, exported(t, h, dir))
			files, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Len(t, files, 1)
		})
	}
}

func TestExportGoesOnWithThePageItWasAt(t *testing.T) {
	t.Parallel()
	h, dir := setupExport(t, private(t))
	status := h.Cancel(testutil.AtCheckpoint("write", 4), "ana", "")
	require.Equal(t, model.Cancelled, status.Status)
	assert.Contains(t, string(status.Checkpoints), `"orders":200`)

	// What is after the checkpoint in the file was never recorded, and may be
	// longer than all that is still to come.
	part := filepath.Join(dir, status.ID.String()+".csv.part")
	file, err := os.OpenFile(part, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(strings.Repeat("half a row", 10_000))
	require.NoError(t, err)
	require.NoError(t, file.Close())

	h.Resume()
	assert.Equal(t, model.Cancelled, h.Cancel(testutil.AtCheckpoint("write", 4), "", "").Status, "four pages are left")
	h.Resume()
	require.Equal(t, model.Succeeded, h.Run().Status)
	assert.NotContains(t, exported(t, h, dir), "half a row")
}

func TestExportBeginsAnewWhereItsFileIsNot(t *testing.T) {
	t.Parallel()
	h, dir := setupExport(t, private(t))
	status := h.Kill(testutil.AtCheckpoint("write", 4))
	require.NoError(t, os.Remove(filepath.Join(dir, status.ID.String()+".csv.part")))
	h.Resume()
	require.Equal(t, model.Succeeded, h.Run().Status)
	assert.Equal(t, 401, strings.Count(exported(t, h, dir), "\n"))
}

func TestExportSaysThatItsFileIsGone(t *testing.T) {
	t.Parallel()
	h, dir := setupExport(t, private(t))
	status := h.Kill(testutil.AfterStep("write"))
	require.NoError(t, os.Remove(filepath.Join(dir, status.ID.String()+".csv.part")))
	h.Resume()
	status = h.Run()
	assert.Equal(t, model.Failed, status.Status)
	assert.Contains(t, status.Error, "restart the job")
	h.Restart()
	assert.Equal(t, model.Succeeded, h.Run().Status)
}

func TestExportOfAnUnknownCountryFails(t *testing.T) {
	t.Parallel()
	h, _ := setupExport(t, private(t))
	h.Enqueue(Export{Country: "XX"})
	status := h.Run()
	assert.Equal(t, model.Failed, status.Status)
	assert.Contains(t, status.Error, `country is "XX": want one of`)
}

func TestOrdersAreGeneratedOnce(t *testing.T) {
	t.Parallel()
	orders := &Orders{db: private(t)}
	for range 2 {
		require.NoError(t, orders.Prepare(t.Context()))
		n, err := orders.db.NewSelect().Model((*Order)(nil)).Count(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, generatedOrders, n)
	}
}
