package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestEnqueuePrintsTheNewJob(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		b := setupOn(t, text)
		var job model.Job
		out := b.ok("-o", "json", "enqueue", orderType, "--data", `{"fail":"pack"}`, "--name", "n", "--role", "r",
			"--email", "e@x.org", "--file-url", "https://x.org/f", "--at", "2040-01-02T03:04:05+02:00", "--key", "k")
		require.NoError(t, json.Unmarshal([]byte(out), &job))
		assert.NotZero(t, job.ID)
		assert.Equal(t, orderType, job.Type)
		assert.Equal(t, []string{"n", "r", "e@x.org", "https://x.org/f"}, []string{job.Name, job.Role, job.Email, job.UploadedFileURL})
		assert.Equal(t, "2040-01-02T01:04:05Z", job.ScheduledAt.Format(time.RFC3339))
		assert.Equal(t, "k", *job.IdempotencyKey)
		data, err := model.ParseData(job.Data)
		require.NoError(t, err)
		assert.JSONEq(t, `{"fail":"pack"}`, string(data.Input))

		var again model.Job
		require.NoError(t, json.Unmarshal([]byte(b.ok("enqueue", orderType, "--key", "k", "-o", "json")), &again))
		assert.Equal(t, job.ID, again.ID)
		assert.True(t, again.Existing)
		assert.Contains(t, b.ok("enqueue", orderType, "--key", "k"), "exists already: job "+job.ID.String())
	})
}

func TestTheHelpTellsWhichJSONEnqueuePrints(t *testing.T) {
	t.Parallel()
	b := setup(t)
	keys := func(args ...string) map[string]any {
		return jsonLines(t, strings.ReplaceAll(b.ok(append([]string{"-o", "json"}, args...)...), "\n", "")+"\n")[0]
	}
	row := keys("enqueue", orderType)
	assert.Contains(t, row, "data")
	assert.NotContains(t, row, "steps")
	status := keys("show", row["id"].(string))
	assert.Contains(t, status, "steps")
	assert.NotContains(t, status, "data")

	help := strings.Join(strings.Fields(b.ok("enqueue", "--help")), " ")
	assert.Contains(t, help, "With -o json that is its row, with the id and, in data, the input; show -o json prints its status")
}

func TestEnqueueTellsPeopleTheID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	out := b.ok("enqueue", orderType)
	assert.Regexp(t, `^enqueued job [0-9a-f-]{36} of type shop:order: scheduled, due \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$`, out)
}

func TestEnqueueInIsLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := time.Now()
	s := b.status(b.enqueue(`{}`, "--in", "5m"))
	assert.WithinRange(t, s.ScheduledAt.Time, before.Add(5*time.Minute-time.Millisecond), time.Now().Add(5*time.Minute))
}

func TestEnqueueReadsFilesAndTheStandardInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := filepath.Join(t.TempDir(), "order.json")
	require.NoError(t, os.WriteFile(path, []byte("{\"fail\": \"ship\"}\n"), 0o600))
	assert.JSONEq(t, `{"fail":"ship"}`, b.input(b.enqueue("@"+path)))

	b.opts.Stdin = strings.NewReader(`{"fail":"pick"}`)
	assert.JSONEq(t, `{"fail":"pick"}`, b.input(b.enqueue("-")))

	assert.JSONEq(t, `null`, b.input(idOf(t, b.ok("enqueue", orderType))))

	b.opts.Stdin = strings.NewReader(`not JSON`)
	assert.Contains(t, b.fails(ExitUsage, "enqueue", orderType, "--data", "-"), "the standard input is not JSON at byte 2")
}

// input returns a job's input.
func (b *bench) input(id string) string {
	b.t.Helper()
	for line := range strings.Lines(b.ok("show", id)) {
		if label, value, _ := strings.Cut(line, " "); label == "Input" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// idOf finds the job's id in a sentence.
func idOf(t *testing.T, text string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "job ")
	require.True(t, found, text)
	return rest[:36]
}

func TestAnInputFromATerminalCanBeInterrupted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = writer.Close(); _ = reader.Close() })
	b.opts.Stdin = reader
	c := b.start("enqueue", orderType, "--data", "-")
	c.signal(os.Interrupt)
	got := c.wait()
	assert.Equal(t, ExitInterrupted, got.code)
	assert.Contains(t, got.stderr, "interrupted")
}

func TestEnqueueWarnsOfATypeThatNobodySeemsToHave(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.run("enqueue", "shop:ordr")
	assert.Equal(t, ExitOK, first.code)
	assert.Contains(t, first.stderr, `this binary does not have the job type "shop:ordr"`)
	assert.NotContains(t, b.run("enqueue", "shop:ordr").stderr, "warning")
	assert.NotContains(t, b.run("enqueue", orderType).stderr, "warning")
}

func TestEnqueueWaitFollowsTheJobToItsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.ok("migrate", "up")
	b.worker()

	out := b.ok("enqueue", orderType, "--wait")
	assert.Contains(t, out, "enqueued job ")
	assert.Contains(t, out, "done ship in ")

	got := b.run("enqueue", orderType, "--data", `{"fail":"pack"}`, "--wait")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.stdout, "failed pack after ")
	id := idOf(t, got.stdout)
	assert.Contains(t, got.stderr, "job "+id+` failed: step "pack": out of stock`)
	assert.Contains(t, got.stderr, b.program()+" resume "+id)

	lines := jsonLines(t, b.ok("-o", "json", "enqueue", orderType, "--wait"))
	assert.Contains(t, lines[0], "data", "the first line is the new job")
	assert.Equal(t, "succeeded", lines[len(lines)-1]["status"])
	for _, line := range lines {
		assert.Equal(t, lines[0]["id"], line["id"])
	}
}

// jsonLines reads one JSON document a line.
func jsonLines(t *testing.T, out string) []map[string]any {
	t.Helper()
	var list []map[string]any
	for line := range strings.Lines(out) {
		var document map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &document), line)
		list = append(list, document)
	}
	return list
}
