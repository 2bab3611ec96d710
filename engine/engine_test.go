package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		runChild(text)
		return
	}
	if text := os.Getenv(everyVariable); text != "" {
		runEvery(text)
		return
	}
	testdb.Main(m)
}

// input is the input of the tests' jobs.
type input struct {
	N    int    `json:"n"`
	Text string `json:"text,omitempty"`
}

func (input) JobType() string { return "test:job" }

// patience bounds each wait of a test. It is reached only if something is broken.
const patience = 30 * time.Second

// config returns settings for engines that poll often and whose leases outlast each test,
// so that a slow machine loses none.
func config() engine.Config {
	return engine.Config{
		Lease: 4 * patience, Heartbeat: 2 * patience, Poll: 50 * time.Millisecond,
		Grace: 100 * time.Millisecond, DeployWindow: -1, Logger: quiet(),
	}
}

// mortal returns config with a short lease, for engines whose death must be noticed soon.
func mortal() engine.Config {
	c := config()
	c.Lease, c.Heartbeat = 3*time.Second, 500*time.Millisecond
	return c
}

func quiet() *slog.Logger {
	if os.Getenv("JOBSYSTEM_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// newEngine makes an engine with some definitions. It does not run.
func newEngine(t *testing.T, db *bun.DB, cfg engine.Config, definitions ...steps.Handler) *engine.Engine {
	t.Helper()
	eng, err := engine.New(db, cfg)
	require.NoError(t, err)
	for _, d := range definitions {
		require.NoError(t, eng.Register(d))
	}
	return eng
}

// start runs the engine until the test ends or stop is called.
func start(t *testing.T, eng *engine.Engine) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- eng.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(patience):
			t.Fatal("the engine does not stop")
		}
	}
	t.Cleanup(stop)
	return stop
}

// ended waits until the job has ended and returns its status.
func ended(t *testing.T, eng *engine.Engine, id uuid.UUID) *model.JobView {
	t.Helper()
	return until(t, eng, id, func(s *model.JobView) bool { return s.Status.Ended() })
}

// until waits until the job's status fulfils a condition.
func until(t *testing.T, eng *engine.Engine, id uuid.UUID, ok func(*model.JobView) bool) *model.JobView {
	t.Helper()
	for begin := time.Now(); ; {
		s, err := eng.Status(t.Context(), id)
		require.NoError(t, err)
		if ok(s) {
			return s
		}
		waited := time.Since(begin)
		if waited > patience {
			t.Fatalf("waited too long; the job is %s: %+v", s.Status, s)
		}
		select {
		case <-time.After(max(5*time.Millisecond, waited/20)): // polling costs more than the work under test
		case <-t.Context().Done():
			t.Fatal("the test ended while waiting")
		}
	}
}

func enqueue(t *testing.T, eng *engine.Engine, in steps.Input, opts ...engine.EnqueueOption) *model.Job {
	t.Helper()
	job, err := eng.Enqueue(t.Context(), in, opts...)
	require.NoError(t, err)
	return job
}

// receive waits for a signal of a step.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("waited too long for a signal")
		panic("unreachable")
	}
}

var errBoom = errors.New("boom")

// three is a definition of three steps that adds 1 at each.
func three() *steps.Definition[input] {
	d := steps.Define[input]()
	one := steps.Add(d, "one", func(_ context.Context, run *steps.Run[input]) (int, error) { return run.Input().N + 1, nil })
	two := steps.Add(d, "two", func(_ context.Context, run *steps.Run[input]) (int, error) { return one.Output(run) + 1, nil }, steps.Weight(2))
	steps.Add(d, "three", func(_ context.Context, run *steps.Run[input]) (string, error) {
		return fmt.Sprint(two.Output(run) + 1), nil
	})
	return d
}

func uuidOf(text string) uuid.UUID { return uuid.MustParse(text) }
