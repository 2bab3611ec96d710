package engine_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// one is a definition of one step.
func one(jobType string, fn func(context.Context, *steps.Run[input]) error) *steps.Definition[input] {
	d := steps.Define[input](steps.Type(jobType))
	steps.Do(d, "only", fn)
	return d
}

func raw(jobType string) engine.RawInput {
	return engine.RawInput{Type: jobType, Input: []byte(`{"n":1}`)}
}

func nothing(context.Context, *steps.Run[input]) error { return nil }

type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

type panickingError struct{}

func (panickingError) Error() string { panic("no text") }

func (panickingError) Is(e error) bool { panic("no comparison") }

func TestAnErrorThatPanicsFailsItsJobAndNothingElse(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), one("test:job", func(_ context.Context, run *steps.Run[input]) error {
			switch run.Input().N {
			case 1:
				var typed *nilError
				return typed
			case 2:
				return panickingError{}
			}
			return nil
		}))
		start(t, eng)
		for _, n := range []int{1, 2} {
			s := ended(t, eng, enqueue(t, eng, input{N: n}).ID)
			assert.Equal(t, model.Failed, s.Status)
			assert.Contains(t, s.Error, "panic")
		}
		assert.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, input{}).ID).Status)
	})
}

// An error that claims to be the engine's, and is not.
func TestAForgedShutdownFailsTheJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for _, forged := range []error{engine.ErrShutdown, engine.ErrLeaseLost, engine.ErrCancelled} {
			eng := newEngine(t, db, config(), one("test:job", func(context.Context, *steps.Run[input]) error {
				return fmt.Errorf("another engine: %w", forged)
			}))
			stop := start(t, eng)
			s := ended(t, eng, enqueue(t, eng, input{}).ID)
			assert.Equal(t, model.Failed, s.Status)
			assert.EqualValues(t, 1, s.Attempt)
			stop()
		}
	})
}

// The step replaces the checkpoint's error with one of its own.
func TestAStepWhoseCheckpointStopsItIsHandedOverWhateverItReturns(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, stopping := make(chan struct{}), make(chan struct{})
		cfg := config()
		cfg.Grace = patience
		eng := newEngine(t, db, cfg, one("test:job", func(ctx context.Context, run *steps.Run[input]) error {
			close(begun)
			<-stopping
			for n := 0; ; n++ {
				if err := run.Checkpoint(ctx, n); err != nil {
					return fmt.Errorf("could not continue: %v", err) //nolint:errorlint // that is the point
				}
			}
		}))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- eng.Run(ctx) }()
		job := enqueue(t, eng, input{})
		receive(t, begun)
		cancel()
		close(stopping)
		require.NoError(t, receive(t, done))
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status, s.Error)
		assert.NotNil(t, s.Checkpoints)
	})
}

// The database rejects writes to the table for a while, though it answers.
func TestATemporaryRejectionCostsNothing(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		begun, hold := make(chan struct{}), make(chan struct{})
		var logs safeBuffer
		cfg := config()
		cfg.Logger = slog.New(slog.NewTextHandler(&logs, nil))
		d := steps.Define[input]()
		steps.Do(d, "paid", func(context.Context, *steps.Run[input]) error {
			if ran.Add(1) == 1 {
				close(begun)
				<-hold
			}
			return nil
		})
		steps.Do(d, "after", nothing)
		eng := newEngine(t, db, cfg, d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		receive(t, begun)
		_, err := db.ExecContext(t.Context(), "ALTER TABLE job_system_jobs RENAME TO away")
		require.NoError(t, err)
		close(hold)
		logs.waitFor(t, "failures=12")
		_, err = db.ExecContext(t.Context(), "ALTER TABLE away RENAME TO job_system_jobs")
		require.NoError(t, err)
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.EqualValues(t, 1, ran.Load())
	})
}

// safeBuffer is a log that many goroutines write to.
type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *safeBuffer) waitFor(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return bytes.Contains([]byte(b.String()), []byte(text)) }, patience, 10*time.Millisecond)
}

// A row that another program wrote as processing blocks its type, and no other.
func TestABadRowBlocksNoOtherType(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), one("a", nothing), one("b", nothing))
		_, err := db.NewRaw(`INSERT INTO job_system_jobs (id, type, data, status) VALUES (?, 'a', '{}', 'processing')`, uuid.NewString()).Exec(t.Context())
		require.NoError(t, err)
		stuck := enqueue(t, eng, raw("a"))
		start(t, eng)
		for range 3 {
			assert.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, raw("b")).ID).Status)
		}
		s, err := eng.Status(t.Context(), stuck.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
	})
}

func TestTheTableRejectsIDsThatWouldNotBeFoundAgain(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		insert := func(id string) error {
			_, err := db.NewRaw(`INSERT INTO job_system_jobs (id, type, data) VALUES (?, 'a', '{}')`, id).Exec(t.Context())
			return err
		}
		assert.Error(t, insert("42"))
		eng := newEngine(t, db, config(), one("a", nothing))
		const upper = "0190A000-0000-7000-8000-00000000ABCD"
		if insert(upper) != nil {
			return // a text column keeps the case, and its table rejects it
		}
		start(t, eng)
		assert.Equal(t, model.Succeeded, ended(t, eng, uuid.MustParse(upper)).Status)
	})
}

func TestWithFewerPlacesThanTypesTheLongestWaitingRunsFirst(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		cfg := config()
		cfg.MaxRunning = 1
		var mu sync.Mutex
		var order []string
		var running atomic.Int32
		note := func(_ context.Context, run *steps.Run[input]) error {
			assert.EqualValues(t, 1, running.Add(1))
			defer running.Add(-1)
			mu.Lock()
			defer mu.Unlock()
			order = append(order, run.Job().Type)
			return nil
		}
		eng := newEngine(t, db, cfg, one("a", note), one("b", note))
		var last *model.Job
		for i, jobType := range []string{"b", "a", "a", "b", "a"} {
			last = enqueue(t, eng, raw(jobType), engine.At(time.Unix(int64(i), 0)))
		}
		start(t, eng)
		ended(t, eng, last.ID)
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, []string{"b", "a", "a", "b", "a"}, order)
	})
}

// The default isolation of MySQL and MariaDB: the snapshot still says scheduled.
func TestCancelInARepeatableReadTransactionEnds(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), one("test:job", nothing))
		job := enqueue(t, eng, input{})
		if db.Dialect().Name().String() == "sqlite" {
			return // one writer at a time: nothing can end the job meanwhile
		}
		tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
		require.NoError(t, err)
		defer func() { _ = tx.Rollback() }()
		_, err = eng.WithTx(tx).Job(t.Context(), job.ID)
		require.NoError(t, err)
		start(t, eng)
		ended(t, eng, job.ID)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		err = eng.WithTx(tx).Cancel(ctx, job.ID, "", "")
		require.Error(t, err)
		assert.NoError(t, ctx.Err(), "it answers, with the state or with a serialization failure")
	})
}

func TestWhatAStepLeavesRunningCanDoNothingMore(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var left *steps.Run[input]
		var resumed []bool
		d := steps.Define[input]()
		steps.Do(d, "first", func(_ context.Context, run *steps.Run[input]) error { left = run; return nil })
		steps.Do(d, "second", func(ctx context.Context, run *steps.Run[input]) error {
			found, err := run.LastCheckpoint(new(int))
			resumed = append(resumed, found)
			if err != nil || found {
				return err
			}
			if err := run.Checkpoint(ctx, 500); err != nil {
				return err
			}
			assert.ErrorContains(t, left.Checkpoint(ctx, 1), "has returned already")
			assert.Error(t, left.SetResult("late"))
			left.Progress(1, 1, "late")
			return errBoom
		})
		eng := newEngine(t, db, config(), d)
		stop := start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.NotEqual(t, "late", s.Message)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		ended(t, eng, job.ID)
		assert.Equal(t, []bool{false, true}, resumed)
		stop()
		assert.Error(t, left.Checkpoint(context.Background(), 1), "nor after the engine has stopped")
	})
}

func TestResumeMayBuildThePlanFromTheDatabase(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var healthy atomic.Bool
		eng := newEngine(t, db, config(), steps.DefineFunc(func(input) (*steps.Definition[input], error) {
			n := 0
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := db.NewRaw("SELECT 1").Scan(ctx, &n); err != nil {
				return nil, err
			}
			return one("test:job", func(context.Context, *steps.Run[input]) error {
				if !healthy.Load() {
					return errBoom
				}
				return nil
			}), nil
		}))
		start(t, eng)
		job := enqueue(t, eng, input{})
		ended(t, eng, job.ID)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
	})
}

// The request comes while the step fails by itself: the job is cancelled.
func TestACancelledJobThatFailsIsCancelled(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		begun, release := make(chan struct{}), make(chan struct{})
		cfg := config()
		eng := newEngine(t, testdb.Open(t, text), cfg, one("test:job", func(context.Context, *steps.Run[input]) error {
			close(begun)
			<-release
			return errBoom
		}))
		start(t, eng)
		job := enqueue(t, eng, input{})
		receive(t, begun)
		other := newEngine(t, testdb.Open(t, text), config())
		require.NoError(t, other.Cancel(t.Context(), job.ID, "ann", ""))
		close(release)
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Equal(t, "ann", s.CancelledBy)
		assert.Contains(t, s.Error, "boom")
	})
}

// Heartbeats continue while short jobs end: nothing is logged.
func TestJobsThatEndWellLogNoWarning(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var logs safeBuffer
		cfg := config()
		cfg.Lease, cfg.Heartbeat = patience, 5*time.Millisecond
		cfg.Logger = slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
		eng := newEngine(t, db, cfg, one("a", nothing), one("b", nothing))
		var ids []uuid.UUID
		for range 60 {
			ids = append(ids, enqueue(t, eng, raw("a")).ID, enqueue(t, eng, raw("b")).ID)
		}
		stop := start(t, eng)
		for _, id := range ids {
			require.Equal(t, model.Succeeded, ended(t, eng, id).Status)
		}
		stop()
		assert.NotContains(t, logs.String(), "taken over")
		assert.NotContains(t, logs.String(), "ending the run")
	})
}
