package cli

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestWatchWritesALineAtEachChange(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		id := f.enqueue(`{"wait":"pack"}`)
		watch := f.start("watch", id)
		watch.stdout.WaitFor("scheduled   0%")
		f.worker()
		watch.stdout.WaitFor("pack")
		close(f.shop.open)
		got := watch.wait()
		assert.Equal(t, ExitOK, got.code, got.stderr)
		assert.Empty(t, got.stderr)
		last := ""
		for line := range strings.Lines(got.stdout) {
			assert.Regexp(t, `^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ (scheduled|processing|succeeded) +\d+%`, line)
			assert.NotEqual(t, last, line)
			last = line
		}
		assert.Contains(t, got.stdout, "done pick in ")
		assert.Contains(t, last, "succeeded 100%")
	})
}

func TestWatchOfAnEndedJobSaysHowItEnded(t *testing.T) {
	t.Parallel()
	f := setup(t)
	good, bad, gone := f.enqueue(`{}`), f.enqueue(`{"fail":"pick"}`), f.enqueue(`{}`, "--in", "1h")
	f.ok("cancel", gone, "--by", "ann", "--reason", "no need")
	f.process(good)
	f.process(bad)

	assert.Contains(t, f.ok("watch", good), "succeeded 100%")
	assert.Contains(t, f.fails(ExitFailed, "watch", bad), "job "+bad+` failed: step "pick": out of stock`)
	assert.Contains(t, f.fails(ExitFailed, "watch", gone), "job "+gone+" was cancelled by ann (no need)")

	lines := jsonLines(t, f.ok("-o", "json", "watch", good))
	require.Len(t, lines, 1)
	assert.Equal(t, "succeeded", lines[0]["status"])
	assert.EqualValues(t, 100, lines[0]["percent"])
}

func TestWatchEndsWhenTheJobIsDeleted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{}`)
	watch := f.start("watch", id)
	watch.stdout.WaitFor("scheduled")
	f.ok("delete", id)
	got := watch.wait()
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.stderr, "it was deleted")
}

func TestWatchSaysThatALeaseHasExpired(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.abandon(300 * time.Millisecond)
	watch := f.start("-o", "json", "watch", id)
	watch.stdout.WaitFor(`"lease_expired":true`)
	plain := f.start("watch", id)
	plain.stdout.WaitFor("processing(lease-expired)")
	assert.Contains(t, f.ok("list"), "processing, lease expired")
	assert.Contains(t, f.ok("show", id), "Its lease has run out")

	assert.Contains(t, f.ok("resume", id), "is scheduled, to continue with step \"pack\"")
	f.ok("cancel", id)
	assert.Equal(t, ExitFailed, watch.wait().code)
	assert.Equal(t, ExitFailed, plain.wait().code)
}

// abandon leaves a job behind as a killed worker does: processing, with its
// first step completed and a lease that no worker renews. After a resume it can
// succeed.
func (f *fixture) abandon(lease time.Duration) (id string) {
	f.t.Helper()
	id = f.enqueue(`{"fail":"pack","fixed":true}`)
	f.process(id)
	db := testdb.Open(f.t, f.dsn)
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{"UPDATE job_system_jobs SET status = 'processing', error = '', finished_at = NULL WHERE id = ?", []any{id}},
		{"UPDATE job_type_lock SET job_id = ?, attempt = 1, owner = 'killed host/1', locked_until = ? WHERE type = ?",
			[]any{id, time.Now().Add(lease).UnixMicro(), orderType}},
	} {
		_, err := db.NewRaw(statement.sql, statement.args...).Exec(f.t.Context())
		require.NoError(f.t, err)
	}
	return id
}

func TestADatabaseThatGoesAwayExitsWith4(t *testing.T) {
	t.Parallel()
	server := testdb.StartServer(t, testdb.Postgres)
	f := setupOn(t, server.EmptyDSN(t))
	f.ok("migrate", "up")
	id := f.enqueue(`{}`, "--in", "1h")
	watch := f.start("watch", id)
	watch.stdout.WaitFor("scheduled")
	t.Cleanup(func() { assert.NoError(t, server.Restart()) }) // its database is dropped
	require.NoError(t, server.Kill())
	got := watch.wait()
	assert.Equal(t, ExitUnreachable, got.code, got.stderr)
	assert.Contains(t, got.stderr, "the connection to the database was lost")
	assert.Contains(t, got.stderr, id)

	assert.Contains(t, f.fails(ExitUnreachable, "show", id), "database cannot be reached")
}

func TestASecondSignalEndsACommandAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"wait":"pack","deaf":true}`)
	w := f.worker()
	f.entersStep("pack")
	w.signal(os.Interrupt)
	w.stderr.WaitFor("stopping: no more jobs are claimed")
	w.signal(os.Interrupt)
	got := w.wait()
	assert.Equal(t, ExitInterrupted, got.code)
	assert.Contains(t, got.stderr, "a second signal: ending at once")
	assert.Equal(t, model.Processing, f.status(id).Status)
	close(f.shop.open) // the step, which no process has ended here
}
