package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// die lets the process of a job die while its step stands at a moment, as Harness.Kill
// does, and another engine continue the job.
func die(t *testing.T, db *bun.DB, d steps.Handler, begun <-chan struct{}, release func(), then func(*engine.Engine, uuid.UUID)) {
	t.Helper()
	cfg := config()
	cfg.Grace = patience
	victim := newEngine(t, db, cfg, d)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- victim.Run(ctx) }()
	job := enqueue(t, victim, input{})
	receive(t, begun)
	cancel()
	expireLeases(t, db)
	eng := newEngine(t, db, config(), d)
	stop := start(t, eng)
	then(eng, job.ID)
	stop()
	release()
	require.NoError(t, receive(t, done))
}

func TestUndoingContinuesAfterACrashInTheMiddle(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for _, resumes := range []int{0, 1} {
			var log diary
			var calls atomic.Int32
			begun, hold := make(chan struct{}), make(chan struct{})
			d := steps.Define[input](steps.ResumeOnCrash(resumes))
			undoable(d, &log, "reserve", func(context.Context, *steps.Run[input]) error {
				if calls.Add(1) == 1 {
					close(begun)
					<-hold
					return errBoom
				}
				return nil
			})
			steps.Do(d, "notify", nothing)
			undoable(d, &log, "charge", willing)
			steps.Do(d, "ship", func(context.Context, *steps.Run[input]) error { return errBoom })
			die(t, db, d, begun, func() { close(hold) }, func(eng *engine.Engine, id uuid.UUID) {
				s := ended(t, eng, id)
				if resumes == 0 {
					assert.Contains(t, s.Error, "interrupted")
					assert.Contains(t, s.Error, `step "ship": boom`)
					assert.True(t, s.Undoing)
					assert.Equal(t, model.StepInterrupted, s.Steps[0].Undo.Status)
					require.NoError(t, eng.Resume(t.Context(), id))
					s = ended(t, eng, id)
				}
				assert.Equal(t, model.Failed, s.Status)
				assert.Equal(t, `step "ship": boom`, s.Error)
				assert.False(t, s.Undoing)
				assert.Equal(t, "reserve charge -charge -reserve", log.read())
				assert.Equal(t, 2, s.Steps[0].Undo.Attempts)
			})
		}
	})
}

// The job was cancelled, and its process died before it could undo anything.
func TestACancelledJobWhoseProcessDiedIsResumedToBeUndone(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		begun, hold := make(chan struct{}), make(chan struct{})
		d := steps.Define[input]()
		undoable(d, &log, "reserve", willing)
		steps.Do(d, "ship", func(context.Context, *steps.Run[input]) error {
			close(begun)
			<-hold
			return nil
		})
		asks := newEngine(t, db, config())
		cfg := config()
		cfg.Grace = patience
		victim := newEngine(t, db, cfg, d)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- victim.Run(ctx) }()
		job := enqueue(t, victim, input{})
		receive(t, begun)
		cancel()
		require.NoError(t, asks.Cancel(t.Context(), job.ID, "ann", ""))
		expireLeases(t, db)
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, job.ID)
		close(hold)
		require.NoError(t, receive(t, done))
		assert.Equal(t, model.Cancelled, s.Status)
		assert.True(t, s.Undoing)
		assert.Contains(t, s.Error, "resume it to undo them")
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Equal(t, "reserve -reserve", log.read())
	})
}

func TestUndoingContinuesElsewhereAfterAStop(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var log diary
		var healthy atomic.Bool
		var calls atomic.Int32
		begun := make(chan struct{})
		d := order(&log, &healthy, func(ctx context.Context, run *steps.Run[input]) error {
			page := 0
			found, err := run.LastCheckpoint(&page)
			if err != nil {
				return err
			}
			if calls.Add(1) == 1 {
				if err := run.Checkpoint(ctx, 7); err != nil || found {
					return fmt.Errorf("found %v: %w", found, err)
				}
				close(begun)
				<-ctx.Done()
				return context.Cause(ctx)
			}
			log.write("from %d", page)
			return nil
		})
		eng := newEngine(t, db, config(), d)
		stop := start(t, eng)
		job := enqueue(t, eng, input{})
		receive(t, begun)
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.True(t, s.Undoing)
		assert.Equal(t, model.Processing, s.Status)
		assert.Equal(t, "undoing", s.Message)
		stop()
		s, err = eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status, s.Error)
		assert.True(t, s.Undoing)
		start(t, newEngine(t, db, config(), d))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "ship": boom`, s.Error)
		assert.Empty(t, s.Message, "it is over")
		assert.Equal(t, "reserve notify charge from 7 -charge -reserve", log.read())
		assert.Nil(t, s.Checkpoints, "the checkpoint of undoing is not the step's")
	})
}
