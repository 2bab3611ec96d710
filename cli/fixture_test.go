package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/cli/internal/capture"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// patience is how long a test waits for what must happen.
const patience = capture.Patience

// fixture is a database and the host's definitions, for commands to work on.
type fixture struct {
	t    *testing.T
	dsn  string
	opts Options
	shop *shop
}

// setup makes a fixture on a SQLite file that does not exist yet.
func setup(t *testing.T) *fixture {
	return setupOn(t, dsn.File(filepath.Join(t.TempDir(), "jobs.db")))
}

func setupOn(t *testing.T, text string) *fixture {
	shop := &shop{entered: make(chan string, 100), open: make(chan struct{})}
	return &fixture{t: t, dsn: text, shop: shop, opts: Options{
		Name: "shopctl", Version: "v1.2.3", Register: shop.register,
		Engine: engine.Config{Poll: 20 * time.Millisecond, Grace: -1},
		Demo:   &Demo{Type: orderType, Name: "Demo order", Usage: "An order.", Input: json.RawMessage(`{}`), Where: whereOrder},
	}}
}

// isSQLite reports whether a DSN of the tests is that of a file.
func isSQLite(text string) bool { return strings.HasPrefix(text, "sqlite:") }

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a command and returns how it ended.
func (f *fixture) run(args ...string) result {
	f.t.Helper()
	c := f.start(args...)
	return c.wait()
}

// ok runs a command that must succeed and returns its standard output.
func (f *fixture) ok(args ...string) string {
	f.t.Helper()
	got := f.run(args...)
	require.Equal(f.t, ExitOK, got.code, "%s\n%s", got.stdout, got.stderr)
	return got.stdout
}

// fails runs a command that must end with that code and returns its standard
// error.
func (f *fixture) fails(code int, args ...string) string {
	f.t.Helper()
	got := f.run(args...)
	require.Equal(f.t, code, got.code, "%s\n%s", got.stdout, got.stderr)
	return got.stderr
}

// program returns how a proposed command begins, on a SQLite file.
func (f *fixture) program() string { return "shopctl --dsn " + f.dsn }

// running is a command that runs.
type running struct {
	t              *testing.T
	stdout, stderr *capture.Stream
	signals        chan os.Signal
	done           chan struct{}
	code           int // once done
}

// start starts a command, ended with the test at the latest.
func (f *fixture) start(args ...string) *running {
	f.t.Helper()
	c := &running{t: f.t, stdout: capture.NewStream(f.t), stderr: capture.NewStream(f.t), signals: make(chan os.Signal, 2), done: make(chan struct{})}
	opts := f.opts
	opts.Stderr = c.stderr
	if opts.Stdout == nil {
		opts.Stdout = c.stdout
	}
	ctx, cancel := context.WithCancel(context.Background())
	line := append([]string{"/usr/bin/shopctl", "--dsn", f.dsn}, args...)
	go func() {
		defer close(c.done)
		c.code = run(ctx, line, opts, c.signals)
		c.stdout.End()
		c.stderr.End()
	}()
	f.t.Cleanup(func() {
		cancel()
		<-c.done
	})
	return c
}

// signal sends a signal to the command alone.
func (c *running) signal(s os.Signal) { c.signals <- s }

func (c *running) wait() result {
	c.t.Helper()
	select {
	case <-c.done:
		return result{c.code, c.stdout.String(), c.stderr.String()}
	case <-time.After(patience):
		require.Fail(c.t, "the command does not end", "%s\n%s", c.stdout, c.stderr)
		return result{}
	}
}

// entersStep returns when a step of that name has begun.
func (f *fixture) entersStep(name string) {
	f.t.Helper()
	late := time.After(patience)
	for {
		select {
		case entered := <-f.shop.entered:
			if entered == name {
				return
			}
		case <-late:
			require.Fail(f.t, "a step does not begin", name)
		}
	}
}

// enqueue makes a job and returns its id.
func (f *fixture) enqueue(input string, args ...string) string {
	f.t.Helper()
	out := f.ok(append([]string{"-o", "json", "enqueue", orderType, "--data", input}, args...)...)
	var job model.Job
	require.NoError(f.t, json.Unmarshal([]byte(out), &job))
	return job.ID.String()
}

// status returns a job's status, as show prints it.
func (f *fixture) status(id string) model.JobView {
	f.t.Helper()
	var status model.JobView
	require.NoError(f.t, json.Unmarshal([]byte(f.ok("-o", "json", "show", id)), &status))
	return status
}

// worker starts a worker, stopped with the test at the latest, and returns when
// it runs.
func (f *fixture) worker(args ...string) *running {
	f.t.Helper()
	w := f.start(append([]string{"worker"}, args...)...)
	w.stderr.WaitFor("worker started")
	return w
}

// process runs a job to its end with a worker.
func (f *fixture) process(id string) {
	f.t.Helper()
	w := f.worker()
	defer func() { f.t.Logf("worker:\n%s", w.stderr) }()
	f.run("watch", id)
	w.signal(os.Interrupt)
	require.Equal(f.t, ExitOK, w.wait().code)
}
