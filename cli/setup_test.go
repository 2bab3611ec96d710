package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// patience is how long a test waits for what must happen.
const patience = 60 * time.Second

// bench is a database and the host's definitions, for commands to work on.
type bench struct {
	t    *testing.T
	dsn  string
	opts Options
	shop *shop
}

// setup makes a bench on a SQLite file that does not exist yet.
func setup(t *testing.T) *bench {
	return setupOn(t, dsn.File(filepath.Join(t.TempDir(), "jobs.db")))
}

func setupOn(t *testing.T, text string) *bench {
	shop := &shop{entered: make(chan string, 100), open: make(chan struct{})}
	return &bench{t: t, dsn: text, shop: shop, opts: Options{
		Name: "shopctl", Version: "v1.2.3", Register: shop.register,
		Engine: engine.Config{Poll: 20 * time.Millisecond, Grace: -1},
		Demo:   &Demo{Type: orderType, Name: "Demo order", Usage: "An order.", Input: json.RawMessage(`{}`), Where: whereOrder},
	}}
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a command and returns how it ended.
func (b *bench) run(args ...string) result {
	b.t.Helper()
	c := b.start(args...)
	return c.wait()
}

// ok runs a command that must succeed and returns its standard output.
func (b *bench) ok(args ...string) string {
	b.t.Helper()
	got := b.run(args...)
	require.Equal(b.t, ExitOK, got.code, "%s\n%s", got.stdout, got.stderr)
	return got.stdout
}

// fails runs a command that must end with that code and returns its standard
// error.
func (b *bench) fails(code int, args ...string) string {
	b.t.Helper()
	got := b.run(args...)
	require.Equal(b.t, code, got.code, "%s\n%s", got.stdout, got.stderr)
	return got.stderr
}

// program is how a command begins that is proposed on a bench with a SQLite file.
func (b *bench) program() string { return "shopctl --dsn " + b.dsn }

// command is a command that runs.
type command struct {
	t              *testing.T
	stdout, stderr *stream
	signals        chan os.Signal
	done           chan struct{}
	code           int // once done
}

// start starts a command, ended with the test at the latest.
func (b *bench) start(args ...string) *command {
	b.t.Helper()
	c := &command{t: b.t, stdout: newStream(b.t), stderr: newStream(b.t), signals: make(chan os.Signal, 2), done: make(chan struct{})}
	opts := b.opts
	opts.Stderr = c.stderr
	if opts.Stdout == nil {
		opts.Stdout = c.stdout
	}
	ctx, cancel := context.WithCancel(context.Background())
	line := append([]string{"/usr/bin/shopctl", "--dsn", b.dsn}, args...)
	go func() {
		defer close(c.done)
		c.code = run(ctx, line, opts, c.signals)
		c.stdout.end()
		c.stderr.end()
	}()
	b.t.Cleanup(func() {
		cancel()
		<-c.done
	})
	return c
}

// signal sends a signal to the command alone.
func (c *command) signal(s os.Signal) { c.signals <- s }

func (c *command) wait() result {
	c.t.Helper()
	select {
	case <-c.done:
		return result{c.code, c.stdout.String(), c.stderr.String()}
	case <-time.After(patience):
		require.Fail(c.t, "the command does not end", "%s\n%s", c.stdout, c.stderr)
		return result{}
	}
}

// stream is a writer that can be waited on for a text.
type stream struct {
	t    *testing.T
	mu   sync.Mutex
	text bytes.Buffer
	done bool          // nothing more comes
	more chan struct{} // closed at the next write or the end
}

func newStream(t *testing.T) *stream { return &stream{t: t, more: make(chan struct{})} }

func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.more)
	s.more = make(chan struct{})
	return s.text.Write(b)
}

func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	close(s.more)
	s.more = make(chan struct{})
}

func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// waitFor returns when the text has been written.
func (s *stream) waitFor(text string) {
	s.t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		found, done, more := strings.Contains(s.text.String(), text), s.done, s.more
		s.mu.Unlock()
		if found {
			return
		}
		require.False(s.t, done, "%q was not written, only\n%s", text, s)
		select {
		case <-more:
		case <-late:
			require.Fail(s.t, "a text does not come", "%q in\n%s", text, s)
		}
	}
}

// waitForEnd returns when nothing more comes.
func (s *stream) waitForEnd() {
	s.t.Helper()
	late := time.After(patience)
	for {
		s.mu.Lock()
		done, more := s.done, s.more
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-more:
		case <-late:
			require.Fail(s.t, "the output does not end", "%s", s)
		}
	}
}

// orderType is the job type of the shop, the host of these tests.
const orderType = "shop:order"

type order struct {
	// Fail and Wait name a step: one that fails, and one that waits until the
	// shop opens or its context ends.
	Fail string `json:"fail,omitempty"`
	Wait string `json:"wait,omitempty"`
	// Deaf has the waiting step ignore its context.
	Deaf bool `json:"deaf,omitempty"`
	// Fixed heals the failing step from the first resumption on.
	Fixed bool `json:"fixed,omitempty"`
}

func (order) JobType() string { return orderType }

type parcel struct {
	Packed string `json:"packed"`
}

// shop is a host with one definition.
type shop struct {
	entered chan string   // gets the name of each step that begins
	open    chan struct{} // closed, it lets waiting steps go on
}

func (h *shop) register(r *Registry) error { return r.Register(h.definition()) }

func (h *shop) definition() *steps.Definition[order] {
	d := steps.Define[order]()
	for _, name := range []string{"pick", "pack", "ship"} {
		steps.Add(d, name, h.step)
	}
	return d
}

func (h *shop) step(ctx context.Context, run *steps.Run[order]) (parcel, error) {
	in := run.Input()
	run.Progress(1, 2, "at work on %s", run.StepName())
	h.entered <- run.StepName()
	if in.Fail == run.StepName() && !(in.Fixed && run.Job().Resumptions > 0) {
		return parcel{}, errors.New("out of stock")
	}
	if in.Wait == run.StepName() {
		stop := ctx.Done()
		if in.Deaf {
			stop = nil
		}
		select {
		case <-h.open:
		case <-stop:
			return parcel{}, context.Cause(ctx)
		}
	}
	return parcel{Packed: run.StepName()}, nil
}

func whereOrder(j *model.JobView) string { return "the parcel is " + string(j.Result) }

// entersStep returns when a step of that name has begun.
func (b *bench) entersStep(name string) {
	b.t.Helper()
	late := time.After(patience)
	for {
		select {
		case entered := <-b.shop.entered:
			if entered == name {
				return
			}
		case <-late:
			require.Fail(b.t, "a step does not begin", name)
		}
	}
}

// enqueue makes a job and returns its id.
func (b *bench) enqueue(input string, args ...string) string {
	b.t.Helper()
	out := b.ok(append([]string{"-o", "json", "enqueue", orderType, "--data", input}, args...)...)
	var job model.Job
	require.NoError(b.t, json.Unmarshal([]byte(out), &job))
	return job.ID.String()
}

// status returns a job's status as show tells it.
func (b *bench) status(id string) model.JobView {
	b.t.Helper()
	var status model.JobView
	require.NoError(b.t, json.Unmarshal([]byte(b.ok("-o", "json", "show", id)), &status))
	return status
}

// worker starts a worker, stopped with the test at the latest, and returns when
// it runs.
func (b *bench) worker(args ...string) *command {
	b.t.Helper()
	w := b.start(append([]string{"worker"}, args...)...)
	w.stderr.waitFor("worker started")
	return w
}

// process has a worker run a job to its end.
func (b *bench) process(id string) {
	b.t.Helper()
	w := b.worker()
	defer func() { b.t.Logf("worker:\n%s", w.stderr) }()
	b.run("watch", id)
	w.signal(os.Interrupt)
	require.Equal(b.t, ExitOK, w.wait().code)
}

// renamed is the shop's definition with a step of another name.
func renamed() *steps.Definition[order] {
	d := steps.Define[order]()
	for _, name := range []string{"pick", "wrap", "ship"} {
		steps.Do(d, name, func(context.Context, *steps.Run[order]) error { return nil })
	}
	return d
}

func (h *shop) noStep(context.Context, *steps.Run[order]) error { return nil }

// enqueueOrder is a step that enqueues an order.
func (h *shop) enqueueOrder(eng *engine.Engine, db *bun.DB) func(context.Context, *steps.Run[order]) error {
	return func(ctx context.Context, _ *steps.Run[order]) error {
		return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := eng.WithTx(tx).Enqueue(ctx, order{})
			return err
		})
	}
}
