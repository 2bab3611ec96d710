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

// setupExport returns a harness with an enqueued job of orders:export, and the
// folder that it writes to.
func setupExport(t *testing.T, db *bun.DB) (*testutil.Harness, string) {
	t.Helper()
	orders, dir := &Orders{db: db}, t.TempDir()
	require.NoError(t, orders.Prepare(t.Context()))
	h := testutil.NewHarness(t, ExportOrders(orders, dir), testutil.OnDB(db))
	h.Enqueue(Export{Country: "DE"})
	return h, dir
}

func openSQLite(t *testing.T) *bun.DB {
	t.Helper()
	return testdb.Open(t, testdb.DSN(t, testdb.SQLite))
}

// readExport returns the file that a succeeded job wrote.
func readExport(t *testing.T, h *testutil.Harness, dir string) string {
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
		text := readExport(t, h, dir)
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 401)
		assert.Equal(t, []string{"id", "ordered_at", "customer", "country", "total"}, rows[0])
		assert.Equal(t, []string{"2", "2026-01-01T11:14:00Z", `Cleo "the cat"`, "DE", "159.38"}, rows[1])
		seen := map[string]bool{}
		for _, row := range rows[1:] {
			assert.Equal(t, "DE", row[3])
			assert.False(t, seen[row[0]], "order %s occurs twice", row[0])
			seen[row[0]] = true
		}
	})
}

func TestAnInterruptedExportWritesTheSameFile(t *testing.T) {
	t.Parallel()
	uninterrupted, uninterruptedDir := setupExport(t, openSQLite(t))
	require.Equal(t, model.Succeeded, uninterrupted.Run().Status)
	want := readExport(t, uninterrupted, uninterruptedDir)

	for _, at := range []testutil.Moment{
		testutil.BeforeStep("count"), testutil.AfterStep("count"), testutil.AtProgress("write", 4), testutil.AtCheckpoint("write", 1),
		testutil.AtCheckpoint("write", 7), testutil.BeforeRecord("write"), testutil.AfterStep("write"), testutil.BeforeRecord("publish"),
	} {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			h, dir := setupExport(t, openSQLite(t))

			require.Equal(t, model.Failed, h.Kill(at).Status)
			h.Resume()
			status := h.Run()

			require.Equal(t, model.Succeeded, status.Status, status.Error)
			assert.Equal(t, want, readExport(t, h, dir))
			files, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Len(t, files, 1)
		})
	}
}

func TestExportContinuesFromItsCheckpoint(t *testing.T) {
	t.Parallel()
	h, dir := setupExport(t, openSQLite(t))
	status := h.Cancel(testutil.AtCheckpoint("write", 4), "ana", "")
	require.Equal(t, model.Cancelled, status.Status)
	assert.Contains(t, string(status.Checkpoints), `"orders":200`)

	// Data after the checkpoint was never recorded, and may be longer than the rest
	// of the file.
	part := filepath.Join(dir, status.ID.String()+".csv.part")
	file, err := os.OpenFile(part, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString(strings.Repeat("half a row", 10_000))
	require.NoError(t, err)
	require.NoError(t, file.Close())

	h.Resume()
	assert.Equal(t, model.Cancelled, h.Cancel(testutil.AtCheckpoint("write", 4), "", "").Status, "four more pages remain")
	h.Resume()
	require.Equal(t, model.Succeeded, h.Run().Status)
	assert.NotContains(t, readExport(t, h, dir), "half a row")
}

func TestExportStartsOverIfItsFileIsMissing(t *testing.T) {
	t.Parallel()
	h, dir := setupExport(t, openSQLite(t))
	status := h.Kill(testutil.AtCheckpoint("write", 4))
	require.NoError(t, os.Remove(filepath.Join(dir, status.ID.String()+".csv.part")))
	h.Resume()
	require.Equal(t, model.Succeeded, h.Run().Status)
	assert.Equal(t, 401, strings.Count(readExport(t, h, dir), "\n"))
}

func TestExportFailsToPublishAMissingFile(t *testing.T) {
	t.Parallel()
	h, dir := setupExport(t, openSQLite(t))
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
	h, _ := setupExport(t, openSQLite(t))
	h.Enqueue(Export{Country: "XX"})
	status := h.Run()
	assert.Equal(t, model.Failed, status.Status)
	assert.Contains(t, status.Error, `country is "XX": want one of`)
}

func TestOrdersAreGeneratedOnce(t *testing.T) {
	t.Parallel()
	orders := &Orders{db: openSQLite(t)}
	for range 2 {
		require.NoError(t, orders.Prepare(t.Context()))
		n, err := orders.db.NewSelect().Model((*Order)(nil)).Count(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, generatedOrders, n)
	}
}
