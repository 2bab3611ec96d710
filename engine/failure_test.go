package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// lines is a log that a test reads.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// If a step succeeds at last, its log and its record say why the earlier attempts failed.
func TestFailedAttemptsAreLoggedAndRecorded(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var logged lines
		cfg := config()
		cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		d := steps.Define[input]()
		steps.Do(d, "upload", func(_ context.Context, run *steps.Run[input]) error {
			if run.Attempt() < 6 {
				return fmt.Errorf("status 503 (%d)", run.Attempt())
			}
			return nil
		}, steps.Retry(6, time.Millisecond, steps.MaxDelay(time.Millisecond)))
		eng := newEngine(t, db, cfg, d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		step := s.Steps[0]
		assert.Equal(t, 6, step.Attempts)
		assert.Empty(t, step.Error)
		require.Len(t, step.EarlierErrors, model.MaxEarlierErrors)
		assert.Equal(t, "status 503 (3)", step.EarlierErrors[0].Error)
		assert.Equal(t, 5, step.EarlierErrors[2].Attempt)
		assert.False(t, step.EarlierErrors[2].At.IsZero())
		text := logged.String()
		for _, want := range []string{`msg="step failed; trying again"`, "step=upload", "step_attempt=1", `error="status 503 (1)"`, "next_in_ms="} {
			assert.Contains(t, text, want)
		}
	})
}

// The log lines of a run have what the context factory has put into its context.
func TestTheLogOfARunHasItsContext(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var logged lines
		cfg := config()
		cfg.Logger = slog.New(tenants{slog.NewTextHandler(&logged, nil)})
		eng := newEngine(t, db, cfg)
		require.NoError(t, eng.Register(one("test:job", nothing), engine.ContextFunc(func(ctx context.Context, _ *model.Job) (context.Context, error) {
			return context.WithValue(ctx, tenants{}, "acme"), nil
		})))
		start(t, eng)
		ended(t, eng, enqueue(t, eng, input{}).ID)
		require.Eventually(t, func() bool { return bytes.Contains([]byte(logged.String()), []byte(`msg="job ended"`)) }, patience, 5*time.Millisecond)
		assert.Regexp(t, `msg="job ended".* ran_ms=\d+ .*tenant=acme`, logged.String())
	})
}

// tenants is a log handler that adds a value of the context.
type tenants struct{ slog.Handler }

func (h tenants) Handle(ctx context.Context, r slog.Record) error {
	if tenant, ok := ctx.Value(tenants{}).(string); ok {
		r.AddAttrs(slog.String("tenant", tenant))
	}
	return h.Handler.Handle(ctx, r)
}

func (h tenants) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tenants{h.Handler.WithAttrs(attrs)}
}

// One rule decides about each error of a step: that of its undo, which took too long, and
// that with which the database ends its transaction.
func TestRetryRulesHoldForEveryErrorOfAStep(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var undone atomic.Int32
		d := steps.Define[input](steps.Type("undo"))
		steps.Add(d, "reserve", func(context.Context, *steps.Run[input]) (int, error) { return 1, nil },
			steps.Undo(func(ctx context.Context, _ *steps.Run[input], _ int) error {
				if undone.Add(1) == 1 {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			}), steps.Timeout(100*time.Millisecond), steps.Retry(3, time.Millisecond, steps.RetryIf(func(err error) bool { return errors.Is(err, steps.ErrTimeout) })))
		steps.Do(d, "breaks", func(context.Context, *steps.Run[input]) error { return errBoom })

		never := steps.Define[input](steps.Type("never"))
		var tried atomic.Int32
		steps.InTx(never, "write", func(ctx context.Context, tx steps.Tx, _ *steps.Run[input]) (int, error) {
			tried.Add(1)
			return 1, errors.Join(tx.Commit()) // a mistake of the step: the engine's commit fails then
		}, steps.Retry(4, time.Millisecond, steps.RetryIf(func(error) bool { return false })))
		eng := newEngine(t, db, config(), d, never)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, raw("undo")).ID)
		assert.Equal(t, model.StepUndone, s.Steps[0].Status, s.Error)
		assert.EqualValues(t, 2, undone.Load())

		s = ended(t, eng, enqueue(t, eng, raw("never")).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.EqualValues(t, 1, tried.Load(), s.Error)
	})
}

// Undoing is not part of the time that a job may work, and the undone steps may run again.
func TestUndoingDoesNotUseUpTheJobTimeout(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		const limit = 400 * time.Millisecond
		var healthy atomic.Bool
		d := steps.Define[input](steps.JobTimeout(limit))
		steps.Add(d, "reserve", func(context.Context, *steps.Run[input]) (int, error) { return 1, nil },
			steps.Undo(func(context.Context, *steps.Run[input], int) error { <-time.After(2 * limit); return nil }))
		steps.Do(d, "breaks", func(context.Context, *steps.Run[input]) error {
			if healthy.Load() {
				return nil
			}
			return errBoom
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, `step "breaks": boom`, s.Error)
		assert.Equal(t, model.StepUndone, s.Steps[0].Status)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), s.ID))
		s = ended(t, eng, s.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
	})
}

// A job with something left to do, or whose children have, is not deleted.
func TestAJobWithSomethingLeftToDoIsNotDeleted(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		d := steps.Define[input](steps.Type("undo"))
		undoable(d, &log, "reserve", willing)
		steps.AwaitSignal[input, int](d, "approve")
		eng := newEngine(t, db, unasked(), d, parentOf("parent", []string{"nowhere"}, steps.Timeout(50*time.Millisecond)))
		stop := start(t, eng)
		parent := ended(t, eng, enqueue(t, eng, raw("parent")).ID)
		err := eng.Delete(t.Context(), parent.ID)
		require.ErrorIs(t, err, engine.ErrStatus)
		assert.ErrorContains(t, err, "some of its children have not ended: cancel them first")
		require.NoError(t, eng.Cancel(t.Context(), parent.Steps[1].Children[0], "", ""))
		require.NoError(t, eng.Delete(t.Context(), parent.ID))

		job := enqueue(t, eng, raw("undo"))
		waits(t, eng, job.ID)
		stop()
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", ""))
		err = eng.Delete(t.Context(), job.ID)
		require.ErrorIs(t, err, engine.ErrStatus)
		assert.ErrorContains(t, err, "its steps are being undone")
		start(t, eng)
		assert.Equal(t, model.Cancelled, ended(t, eng, job.ID).Status)
		assert.Equal(t, "reserve -reserve", log.read())
		require.NoError(t, eng.Delete(t.Context(), job.ID))
	})
}

// A step that ignores the end of its context is logged, and an engine logs that it has
// started.
func TestAStepThatDoesNotReturnIsLogged(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var logged lines
		cfg := config()
		cfg.Lease, cfg.Heartbeat = 500*time.Millisecond, 100*time.Millisecond
		cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		release := make(chan struct{})
		d := steps.Define[input]()
		steps.Do(d, "hangs", func(context.Context, *steps.Run[input]) error { <-release; return nil }, steps.Timeout(time.Millisecond))
		eng := newEngine(t, db, cfg, d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		require.Eventually(t, func() bool {
			return bytes.Contains([]byte(logged.String()), []byte("step does not return though its context has ended"))
		}, patience, 10*time.Millisecond)
		close(release)
		ended(t, eng, job.ID)
		assert.Contains(t, logged.String(), `msg="engine started" types=[test:job]`)
		assert.Contains(t, logged.String(), "step=hangs")
		assert.Contains(t, logged.String(), `cause="timed out after 1ms"`)
	})
}
