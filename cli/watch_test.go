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
		b := setupOn(t, text)
		id := b.enqueue(`{"wait":"pack"}`)
		watch := b.start("watch", id)
		watch.stdout.waitFor("scheduled   0%")
		b.worker()
		watch.stdout.waitFor("pack")
		close(b.shop.open)
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

func TestWatchOfAnEndedJobTellsHowItEnded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good, bad, gone := b.enqueue(`{}`), b.enqueue(`{"fail":"pick"}`), b.enqueue(`{}`, "--in", "1h")
	b.ok("cancel", gone, "--by", "ann", "--reason", "no need")
	b.process(good)
	b.process(bad)

	assert.Contains(t, b.ok("watch", good), "succeeded 100%")
	assert.Contains(t, b.fails(ExitFailed, "watch", bad), "job "+bad+` failed: step "pick": out of stock`)
	assert.Contains(t, b.fails(ExitFailed, "watch", gone), "job "+gone+" was cancelled by ann (no need)")

	lines := jsonLines(t, b.ok("-o", "json", "watch", good))
	require.Len(t, lines, 1)
	assert.Equal(t, "succeeded", lines[0]["status"])
	assert.EqualValues(t, 100, lines[0]["percent"])
}

func TestWatchEndsWhenTheJobIsDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{}`)
	watch := b.start("watch", id)
	watch.stdout.waitFor("scheduled")
	b.ok("delete", id)
	got := watch.wait()
	assert.Equal(t, ExitNotFound, got.code)
	assert.Contains(t, got.stderr, "it was deleted")
}

func TestWatchTellsThatALeaseHasRunOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.abandon(300 * time.Millisecond)
	watch := b.start("-o", "json", "watch", id)
	watch.stdout.waitFor(`"lease_expired":true`)
	plain := b.start("watch", id)
	plain.stdout.waitFor("processing(lease-expired)")
	assert.Contains(t, b.ok("list"), "processing, lease expired")
	assert.Contains(t, b.ok("show", id), "Its lease has run out")

	assert.Contains(t, b.ok("resume", id), "is scheduled, to go on with step \"pack\"")
	b.ok("cancel", id)
	assert.Equal(t, ExitFailed, watch.wait().code)
	assert.Equal(t, ExitFailed, plain.wait().code)
}

// abandon leaves a job behind as a killed worker does: processing, with its
// first step completed and a lease that nobody renews. A resume mends it.
func (b *bench) abandon(lease time.Duration) (id string) {
	b.t.Helper()
	id = b.enqueue(`{"fail":"pack","fixed":true}`)
	b.process(id)
	db := testdb.Open(b.t, b.dsn)
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{"UPDATE job_system_jobs SET status = 'processing', error = '', finished_at = NULL WHERE id = ?", []any{id}},
		{"UPDATE job_type_lock SET job_id = ?, attempt = 1, owner = 'killed host/1', locked_until = ? WHERE type = ?",
			[]any{id, time.Now().Add(lease).UnixMicro(), orderType}},
	} {
		_, err := db.NewRaw(statement.sql, statement.args...).Exec(b.t.Context())
		require.NoError(b.t, err)
	}
	return id
}

func TestADatabaseThatGoesAwayExitsWith4(t *testing.T) {
	t.Parallel()
	server := testdb.StartServer(t, testdb.Postgres)
	b := setupOn(t, server.EmptyDSN(t))
	b.ok("migrate", "up")
	id := b.enqueue(`{}`, "--in", "1h")
	watch := b.start("watch", id)
	watch.stdout.waitFor("scheduled")
	t.Cleanup(func() { assert.NoError(t, server.Restart()) }) // its database is dropped
	require.NoError(t, server.Kill())
	got := watch.wait()
	assert.Equal(t, ExitUnreachable, got.code, got.stderr)
	assert.Contains(t, got.stderr, "the connection to the database was lost")
	assert.Contains(t, got.stderr, id)

	assert.Contains(t, b.fails(ExitUnreachable, "show", id), "database cannot be reached")
}

func TestLinesTellEachStepOnce(t *testing.T) {
	t.Parallel()
	out := newStream(t)
	started := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)
	now := func() time.Time { return started.Add(time.Minute) }
	v := newLinesView(newPrinter(out, now))
	took := int64(7100)
	j := &model.JobView{
		Status: model.Processing, Percent: 35, CurrentStep: "rank", Message: "half\nof it", StartedAt: model.TimeOf(started),
		Steps: []model.StepView{
			{Name: "load", Weight: 1, Status: model.StepCompleted, FinishedAt: model.TimeOf(started.Add(-time.Hour)), DurationMS: &took, Duration: "7.1s"},
			{Name: "clean", Weight: 2, Status: model.StepCompleted, FinishedAt: model.TimeOf(started.Add(time.Second)), DurationMS: &took, Duration: "7.1s"},
			{Name: "rank", Weight: 7, Status: model.StepRunning},
		},
	}
	require.NoError(t, v.update(j))
	require.NoError(t, v.update(j))
	ended := *j
	ended.Status, ended.Percent, ended.Error = model.Failed, 40, "step \"rank\": boom\n\nstack"
	ended.Steps = append([]model.StepView(nil), j.Steps...)
	ended.Steps[2] = model.StepView{Name: "rank", Weight: 7, Status: model.StepFailed, FinishedAt: model.TimeOf(started.Add(9 * time.Second)), Duration: "8s", Error: "boom\n\nstack"}
	require.NoError(t, v.update(&ended))
	assert.Equal(t, `2026-10-01T06:00:00Z processing  10% skipped load: completed at 2026-10-01T05:00:00Z by an earlier run
2026-10-01T06:00:01Z processing  30% done clean in 7.1s
2026-10-01T06:01:00Z processing  35% rank: half of it
2026-10-01T06:00:09Z processing  40% failed rank after 8s: boom
2026-10-01T06:01:00Z failed  40% step "rank": boom
`, out.String())
}

func TestLinesTellWhatHasEndedAsOfTheTimeWhenItDid(t *testing.T) {
	t.Parallel()
	out := newStream(t)
	started := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)
	at := func(d time.Duration) model.Time { return model.TimeOf(started.Add(d)) }
	v := newLinesView(newPrinter(out, func() time.Time { return started.Add(24 * time.Hour) }))
	require.NoError(t, v.update(&model.JobView{
		Status: model.Succeeded, Percent: 100, StartedAt: at(0), FinishedAt: at(9 * time.Second),
		Steps: []model.StepView{
			{Name: "load", Weight: 1, Status: model.StepCompleted, FinishedAt: at(2 * time.Second), Duration: "2s"},
			{Name: "rank", Weight: 2, Status: model.StepCompleted, FinishedAt: at(8 * time.Second), Duration: "6s"},
			{Name: "mail", Weight: 3, Status: model.StepSkipped, Error: "needless"}, // it has no times
		},
	}))
	assert.Equal(t, `2026-10-01T06:00:02Z processing  16% done load in 2s
2026-10-01T06:00:08Z processing  50% done rank in 6s
2026-10-01T06:00:09Z processing 100% skipped mail: needless
2026-10-01T06:00:09Z succeeded 100%
`, out.String())
}

func TestAStepThatAnEarlierRunFailedIsNoNews(t *testing.T) {
	t.Parallel()
	out := newStream(t)
	started := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC)
	news := newStepNews(newPrinter(out, time.Now))
	assert.Empty(t, news.of(&model.JobView{
		Status: model.Processing, StartedAt: model.TimeOf(started),
		Steps: []model.StepView{{Name: "load", Status: model.StepFailed, FinishedAt: model.TimeOf(started.Add(-time.Hour))}},
	}))
}

func TestASecondSignalEndsACommandAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"wait":"pack","deaf":true}`)
	w := b.worker()
	b.entersStep("pack")
	w.signal(os.Interrupt)
	w.stderr.waitFor("stopping: no more jobs are claimed")
	w.signal(os.Interrupt)
	got := w.wait()
	assert.Equal(t, ExitInterrupted, got.code)
	assert.Contains(t, got.stderr, "a second signal: ending at once")
	assert.Equal(t, model.Processing, b.status(id).Status)
	close(b.shop.open) // the step, which no process has ended here
}
