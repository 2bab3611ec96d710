package proof

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds each wait. It is reached only if something is broken.
const patience = 2 * time.Minute

// Fleet is the worker processes of a test, on one database. They end with the test at the
// latest. If the test fails, the end of their logs is printed.
type Fleet struct {
	t        testing.TB
	dsn, dir string

	mu      sync.Mutex
	workers []*Worker
}

// started counts the workers of all fleets, whose names differ: evidence may come from
// several fleets.
var started atomic.Int64

// NewFleet returns a fleet without workers.
func NewFleet(t testing.TB, dsn string) *Fleet {
	t.Helper()
	f := &Fleet{t: t, dsn: dsn, dir: t.TempDir()}
	t.Cleanup(f.end)
	return f
}

// Dir returns the folder of its ledgers: see [ReadLedgers].
func (f *Fleet) Dir() string { return f.dir }

// Workers returns all workers that were started, also those that have ended.
func (f *Fleet) Workers() []*Worker {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*Worker(nil), f.workers...)
}

// Start starts a worker, and returns when it is about to run jobs.
func (f *Fleet) Start(s Settings) *Worker {
	f.t.Helper()
	return f.Begin(workerRole, s, nil)
}

// Post is where a worker works, if not where the rest of its fleet does.
type Post struct {
	// DSN is the address by which it reaches the fleet's database.
	DSN string
	// Within is the command that starts it, with this binary as its last argument, and that
	// becomes it: "ip netns exec x".
	Within []string
}

// StartAt is Start for a worker that works elsewhere.
func (f *Fleet) StartAt(p Post, s Settings) *Worker {
	f.t.Helper()
	return f.beginAt(p, workerRole, s, nil)
}

// Begin starts a process with a role, and returns when it has said [Ready].
func (f *Fleet) Begin(role string, s Settings, extra any) *Worker {
	f.t.Helper()
	return f.beginAt(Post{}, role, s, extra)
}

func (f *Fleet) beginAt(p Post, role string, s Settings, extra any) *Worker {
	f.t.Helper()
	w, err := f.launch(p, role, s, extra)
	require.NoError(f.t, err, "start a process as %s", role)
	require.NoError(f.t, w.Await(Ready))
	return w
}

func (f *Fleet) launch(p Post, role string, s Settings, extra any) (*Worker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &Worker{Name: fmt.Sprintf("%s-%d", role, started.Add(1)), Began: Now(), over: make(chan struct{})}
	w.log = filepath.Join(f.dir, w.Name+".log")
	more, err := json.Marshal(extra)
	if err != nil {
		return nil, err
	}
	orders, err := json.Marshal(Orders{DSN: cmp.Or(p.DSN, f.dsn), Name: w.Name, Dir: f.dir, Settings: s, Extra: more})
	if err != nil {
		return nil, err
	}
	log, err := os.Create(w.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := append(slices.Clone(p.Within), os.Args[0])
	w.cmd = exec.Command(command[0], command[1:]...) //nolint:gosec // this binary
	w.cmd.Env = append(os.Environ(), roleVariable+"="+role, ordersVariable+"="+string(orders))
	w.cmd.Stderr = log
	if w.stdin, err = w.cmd.StdinPipe(); err != nil { // the process ends when this does
		return nil, err
	}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.said = bufio.NewReader(stdout)
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	f.workers = append(f.workers, w)
	return w, nil
}

// end kills the processes that are left, and prints the last log lines of a failed test's
// latest workers.
func (f *Fleet) end() {
	const latest = 6
	workers := f.Workers()
	for i, w := range workers {
		w.Kill()
		if log := w.Log(); f.t.Failed() && log != "" && i >= len(workers)-latest {
			f.t.Logf("the end of the log of %s:\n%s", w.Name, log)
		}
	}
}

// Log returns the end of what a worker has logged.
func (w *Worker) Log() string {
	const most = 3000
	raw, err := os.ReadFile(w.log)
	if err != nil {
		return err.Error()
	}
	if len(raw) > most {
		raw = raw[len(raw)-most:]
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			raw = raw[i+1:]
		}
	}
	return string(raw)
}

// WholeLog returns all that a worker has logged.
func (w *Worker) WholeLog() (string, error) {
	raw, err := os.ReadFile(w.log)
	return string(raw), err
}

// Span is a time in which a process did nothing, from just before it was stopped until just
// before it continued; a zero End is never.
type Span struct{ Begin, End Moment }

// Holds reports whether a moment is in the span.
func (s Span) Holds(at Moment) bool { return s.Begin <= at && (s.End == 0 || at <= s.End) }

// Worker is a process of a fleet. Its methods are for one goroutine at a time.
type Worker struct {
	Name  string
	Began Moment

	cmd   *exec.Cmd
	stdin interface{ Close() error }
	said  *bufio.Reader
	log   string

	mu    sync.Mutex
	still []Span // dead or frozen
	err   error  // of the process, once it has ended
	over  chan struct{}
	once  sync.Once
}

// Process returns its id.
func (w *Worker) Process() int { return w.cmd.Process.Pid }

// Still returns the times in which it was frozen or dead.
func (w *Worker) Still() []Span {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Span(nil), w.still...)
}

// Await returns when the process prints a word: see [Say].
func (w *Worker) Await(word string) error {
	for {
		line, err := w.said.ReadString('\n')
		if line == word+"\n" {
			return nil
		}
		if err != nil {
			_ = w.Wait()
			return fmt.Errorf("%s ended before it said %q: %w; its log:\n%s", w.Name, word, errors.Join(err, w.err), w.Log())
		}
	}
}

// Over returns a channel that is closed when the process has ended; [Worker.Wait] returns
// its error.
func (w *Worker) Over() <-chan struct{} {
	w.reap()
	return w.over
}

// Killed reports whether the process, which has ended, was killed.
func (w *Worker) Killed() bool {
	status, ok := w.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// Kill ends the process at once, as a crash does, and returns when it has ended.
func (w *Worker) Kill() {
	w.stop(Span{Begin: Now()})
	_ = w.cmd.Process.Kill() // it may have ended already
	_ = w.Wait()
}

// Stop stops the process gracefully, and returns its error when it has ended.
func (w *Worker) Stop() error {
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return w.Wait()
}

// Freeze stops the execution of the process until Thaw.
func (w *Worker) Freeze() error {
	w.stop(Span{Begin: Now()})
	return w.cmd.Process.Signal(syscall.SIGSTOP)
}

// Thaw continues the process.
func (w *Worker) Thaw() error {
	w.mu.Lock()
	if n := len(w.still); n > 0 && w.still[n-1].End == 0 {
		w.still[n-1].End = Now()
	}
	w.mu.Unlock()
	return w.cmd.Process.Signal(syscall.SIGCONT)
}

func (w *Worker) stop(span Span) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.over:
	default:
		w.still = append(w.still, span)
	}
}

// Wait returns when the process has ended, with its error: that of a killed process says
// so.
func (w *Worker) Wait() error {
	w.reap()
	select {
	case <-w.over:
		_ = w.stdin.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.err
	case <-time.After(patience):
		return fmt.Errorf("%s has not ended after %v", w.Name, patience)
	}
}

// reap waits for the end of the process and closes over.
func (w *Worker) reap() {
	w.once.Do(func() {
		go func() {
			err := w.cmd.Wait()
			w.mu.Lock()
			defer w.mu.Unlock()
			w.err = err
			w.still = append(w.still, Span{Begin: Now()})
			close(w.over)
		}()
	})
}
