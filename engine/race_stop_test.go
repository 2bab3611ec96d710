package engine_test

import (
	"context"
	"fmt"
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

func loadType(k int) string { return fmt.Sprint("load:", k) }

// load is a definition for each of some types, of three steps, that records which have
// completed. between is called in the middle of each step.
func load(types int, done *ledger, between func(ctx context.Context, k int) error) (all []steps.Handler) {
	for k := range types {
		d := steps.Define[input](steps.Type(loadType(k)))
		for _, name := range []string{"a", "b", "c"} {
			steps.Do(d, name, func(ctx context.Context, run *steps.Run[input]) error {
				if err := between(ctx, k); err != nil {
					return err
				}
				done.note(run.IdempotencyKey())
				return nil
			})
		}
		all = append(all, d)
	}
	return all
}

// enqueueLoad enqueues that many jobs of each type.
func enqueueLoad(t *testing.T, eng *engine.Engine, types, perType int) (ids []uuid.UUID) {
	t.Helper()
	var items []engine.NewJob
	for i := range types * perType {
		items = append(items, engine.NewJob{Input: engine.RawInput{Type: loadType(i % types), Input: []byte(`{}`)}})
	}
	jobs, err := eng.EnqueueMany(t.Context(), items)
	require.NoError(t, err)
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

// free fails if a lock is held or a job is processing, although no engine runs.
func free(t *testing.T, db *bun.DB) {
	t.Helper()
	var n int
	require.NoError(t, db.NewRaw("SELECT (SELECT COUNT(*) FROM job_type_lock l WHERE l.job_id IS NOT NULL) + (SELECT COUNT(*) FROM job_system_jobs j WHERE j.status = 'processing')").Scan(t.Context(), &n))
	require.Zero(t, n, "locks held or jobs processing after the engines have stopped")
	sound(t, db)
}

// An engine is stopped while it runs fifty jobs. Half of their steps end within the grace
// period, and half do not: each job has ended or is handed over with the record of its
// completed steps, and another engine ends them all.
func TestAnEngineThatStopsUnderLoadLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		const types, perType = 50, 2
		var done ledger
		var completed atomic.Int32
		midway, stopping := make(chan struct{}), make(chan struct{})
		first := load(types, &done, func(ctx context.Context, k int) error {
			switch n := completed.Add(1); {
			case n < types:
				return nil
			case n == types:
				close(midway)
			}
			if k%2 == 0 {
				<-stopping
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		db := testdb.Open(t, text)
		cfg := config()
		cfg.Grace = 200 * time.Millisecond
		stops := newEngine(t, db, cfg, first...)
		ids := enqueueLoad(t, stops, types, perType)
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- stops.Run(ctx) }()
		receive(t, midway)
		cancel()
		close(stopping)
		began := time.Now()
		require.Less(t, patience, cfg.Lease)
		require.NoError(t, receive(t, ran)) // it waits for its grace period and its last records, and for no lease
		t.Log("stopped after", time.Since(began))
		free(t, db)
		handedOver := 0
		for _, id := range ids {
			s, err := stops.Status(t.Context(), id)
			require.NoError(t, err)
			require.Contains(t, []model.Status{model.Scheduled, model.Succeeded}, s.Status, s.Error)
			for _, step := range s.Steps {
				assert.Equal(t, step.Status == model.StepCompleted, done.of(id, step.Name) == 1, "%s: a step has completed if and only if its record says so", step.Name)
			}
			if s.Status == model.Scheduled && s.Attempt > 0 {
				handedOver++
			}
		}
		assert.Positive(t, handedOver)

		other := newEngine(t, testdb.Open(t, text), config(), load(types, &done, func(context.Context, int) error { return nil })...)
		stop := start(t, other)
		for _, id := range ids {
			ended(t, other, id)
		}
		stop()
		completedOnce(t, other, ids, &done)
		free(t, db)
	})
}

// completedOnce fails unless each job has succeeded, with each of its steps completed once.
func completedOnce(t *testing.T, eng *engine.Engine, ids []uuid.UUID, done *ledger) {
	t.Helper()
	for _, id := range ids {
		s, err := eng.Status(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		for _, step := range s.Steps {
			require.Equal(t, 1, step.Attempts, "step %s of job %s", step.Name, id)
			require.Equal(t, 1, done.of(id, step.Name), "step %s of job %s", step.Name, id)
		}
	}
}

// Two engines stop at once, repeatedly, while each may hand its jobs over to the other.
func TestEnginesThatStopTogetherLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		const types, perType, turn = 15, 6, 45
		var done ledger
		var left, total atomic.Int32 // steps until both are stopped, and all steps
		var stop atomic.Pointer[context.CancelFunc]
		definitions := func() []steps.Handler {
			return load(types, &done, func(context.Context, int) error {
				if done := total.Add(1) == types*perType*3; left.Add(-1) == 0 || done {
					(*stop.Load())()
				}
				return nil
			})
		}
		dbs := []*bun.DB{testdb.Open(t, text), testdb.Open(t, text)}
		ids := enqueueLoad(t, newEngine(t, dbs[0], config()), types, perType)
		for turns := 0; total.Load() < types*perType*3; turns++ {
			require.Less(t, turns, types*perType*3, "no turn gets on")
			ctx, cancel := context.WithCancel(t.Context())
			stop.Store(&cancel)
			left.Store(turn)
			ran := make(chan error, len(dbs))
			for _, db := range dbs {
				cfg := config()
				cfg.Grace = patience
				eng := newEngine(t, db, cfg, definitions()...)
				go func() { ran <- eng.Run(ctx) }()
			}
			for range dbs {
				require.NoError(t, receive(t, ran))
			}
			free(t, dbs[0])
		}
		completedOnce(t, newEngine(t, dbs[0], config()), ids, &done)
	})
}
