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
		f := setupOn(t, text)
		var job model.Job
		out := f.ok("-o", "json", "enqueue", orderType, "--data", `{"fail":"pack"}`, "--name", "n", "--role", "r",
			"--email", "e@x.org", "--file-url", "https://x.org/f", "--at", "2040-01-02T03:04:05+02:00", "--key", "k")
		require.NoError(t, json.Unmarshal([]byte(out), &job))
		assert.NotZero(t, job.ID)
		assert.Equal(t, orderType, job.Type)
		assert.Equal(t, "n", job.Name)
		assert.Equal(t, "r", job.Role)
		assert.Equal(t, "e@x.org", job.Email)
		assert.Equal(t, "https://x.org/f", job.UploadedFileURL)
		assert.Equal(t, "2040-01-02T01:04:05Z", job.ScheduledAt.Format(time.RFC3339))
		assert.Equal(t, "k", *job.IdempotencyKey)
		data, err := model.ParseData(job.Data)
		require.NoError(t, err)
		assert.JSONEq(t, `{"fail":"pack"}`, string(data.Input))

		var again model.Job
		require.NoError(t, json.Unmarshal([]byte(f.ok("enqueue", orderType, "--key", "k", "-o", "json")), &again))
		assert.Equal(t, job.ID, again.ID)
		assert.True(t, again.Existing)
		assert.Contains(t, f.ok("enqueue", orderType, "--key", "k"), "exists already: job "+job.ID.String())
	})
}

func TestTheHelpSaysWhichJSONEnqueuePrints(t *testing.T) {
	t.Parallel()
	f := setup(t)
	keys := func(args ...string) map[string]any {
		return jsonLines(t, strings.ReplaceAll(f.ok(append([]string{"-o", "json"}, args...)...), "\n", "")+"\n")[0]
	}
	row := keys("enqueue", orderType)
	assert.Contains(t, row, "data")
	assert.NotContains(t, row, "steps")
	status := keys("show", row["id"].(string))
	assert.Contains(t, status, "steps")
	assert.NotContains(t, status, "data")

	help := strings.Join(strings.Fields(f.ok("enqueue", "--help")), " ")
	assert.Contains(t, help, "With -o json that is its row, with the id and, in data, the input; show -o json prints its status")
}

func TestEnqueuePrintsTheIDForPeople(t *testing.T) {
	t.Parallel()
	f := setup(t)
	out := f.ok("enqueue", orderType)
	assert.Regexp(t, `^enqueued job [0-9a-f-]{36} of type shop:order: scheduled, due \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$`, out)
}

func TestEnqueueInIsLater(t *testing.T) {
	t.Parallel()
	f := setup(t)
	before := time.Now()
	s := f.status(f.enqueue(`{}`, "--in", "5m"))
	assert.WithinRange(t, s.ScheduledAt.Time, before.Add(5*time.Minute-time.Millisecond), time.Now().Add(5*time.Minute))
}

func TestEnqueueReadsFilesAndTheStandardInput(t *testing.T) {
	t.Parallel()
	f := setup(t)
	path := filepath.Join(t.TempDir(), "order.json")
	require.NoError(t, os.WriteFile(path, []byte("{\"fail\": \"ship\"}\n"), 0o600))
	assert.JSONEq(t, `{"fail":"ship"}`, f.input(f.enqueue("@"+path)))

	f.opts.Stdin = strings.NewReader(`{"fail":"pick"}`)
	assert.JSONEq(t, `{"fail":"pick"}`, f.input(f.enqueue("-")))

	assert.JSONEq(t, `null`, f.input(idOf(t, f.ok("enqueue", orderType))))

	f.opts.Stdin = strings.NewReader(`not JSON`)
	assert.Contains(t, f.fails(ExitUsage, "enqueue", orderType, "--data", "-"), "the standard input is not JSON at byte 2")
}

// input returns a job's input.
func (f *fixture) input(id string) string {
	f.t.Helper()
	for line := range strings.Lines(f.ok("show", id)) {
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
	f := setup(t)
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = writer.Close(); _ = reader.Close() })
	f.opts.Stdin = reader
	c := f.start("enqueue", orderType, "--data", "-")
	c.signal(os.Interrupt)
	got := c.wait()
	assert.Equal(t, ExitInterrupted, got.code)
	assert.Contains(t, got.stderr, "interrupted")
}

func TestEnqueueWarnsOfATypeThatNoProgramSeemsToHave(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first := f.run("enqueue", "shop:ordr")
	assert.Equal(t, ExitOK, first.code)
	assert.Contains(t, first.stderr, `this binary does not have the job type "shop:ordr"`)
	assert.NotContains(t, f.run("enqueue", "shop:ordr").stderr, "warning")
	assert.NotContains(t, f.run("enqueue", orderType).stderr, "warning")
}

func TestEnqueueWaitFollowsTheJobToItsEnd(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.ok("migrate", "up")
	f.worker()

	out := f.ok("enqueue", orderType, "--wait")
	assert.Contains(t, out, "enqueued job ")
	assert.Contains(t, out, "done ship in ")

	got := f.run("enqueue", orderType, "--data", `{"fail":"pack"}`, "--wait")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.stdout, "failed pack after ")
	id := idOf(t, got.stdout)
	assert.Contains(t, got.stderr, "job "+id+` failed: step "pack": out of stock`)
	assert.Contains(t, got.stderr, f.program()+" resume "+id)

	lines := jsonLines(t, f.ok("-o", "json", "enqueue", orderType, "--wait"))
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
