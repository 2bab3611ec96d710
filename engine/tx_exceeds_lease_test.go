package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// On SQLite no other write is possible during a step's transaction, not even the renewal of
// a lease: a step that takes longer than its lease would lose it at each attempt.
func TestAStepsTransactionThatExceedsItsLeaseFailsWhereItCannotBeRenewed(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		makeEffects(t, db)
		cfg := config()
		cfg.Lease, cfg.Heartbeat = 2*time.Second, 300*time.Millisecond
		var ran atomic.Int32
		d := steps.Define[input](steps.ResumeOnCrash(5))
		effectStep(d, "effect", func(context.Context, steps.Tx, *steps.Run[input]) error {
			ran.Add(1)
			time.Sleep(2 * cfg.Lease) // like a statement that takes long
			return nil
		}, steps.Retry(3, time.Millisecond))
		eng := newEngine(t, db, cfg, d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.EqualValues(t, 1, ran.Load())
		if db.Dialect().Name() != dialect.SQLite {
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			return
		}
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, model.StepFailed, s.Steps[0].Status)
		assert.Regexp(t, `^step "effect": its transaction was rolled back after [2-9](\.\d)?s: `, s.Error)
		assert.Contains(t, s.Error, "the engine's lease of 2s expired")
		assert.Empty(t, readEffects(t, db))
	})
}

// A short step's transaction cannot be committed because of an outage that lasts longer
// than the lease: the step has not failed, and runs again.
func TestAnOutageBeforeAShortTransactionIsCommittedCostsARunOnly(t *testing.T) {
	t.Parallel()
	var network faults
	text := testdb.DSN(t, testdb.SQLite)
	db := testdb.Open(t, text)
	makeEffects(t, db)
	cfg := config()
	cfg.Lease, cfg.Heartbeat = 2*time.Second, 300*time.Millisecond
	d := steps.Define[input](steps.ResumeOnCrash(5))
	effectStep(d, "effect", func(ctx context.Context, _ steps.Tx, run *steps.Run[input]) error {
		if run.Job().Attempt == 1 {
			network.fail(func(wire.Call) bool { return true })
			context.AfterFunc(ctx, network.clear) // when the lease is lost
		}
		return nil
	})
	start(t, newEngine(t, openHooked(t, text, &network), cfg, d))
	eng := newEngine(t, db, cfg)
	s := ended(t, eng, enqueue(t, eng, raw("test:job")).ID)
	require.Equal(t, model.Succeeded, s.Status, s.Error)
	assert.GreaterOrEqual(t, s.Attempt, int64(2), "the lease was lost")
	assert.Equal(t, 1, readEffects(t, db)[s.ID])
}
