package engine_test

import (
	"context"
	"database/sql/driver"
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
)

// On SQLite nothing else is written meanwhile, no renewal of a lease either: the step
// would outlast it each time.
func TestAStepsTransactionThatOutlastsItsLeaseFailsWhereNobodyCanRenewIt(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		makeEffects(t, db)
		cfg := config()
		cfg.Lease, cfg.Heartbeat = 2*time.Second, 300*time.Millisecond
		var ran atomic.Int32
		d := steps.Define[input](steps.ResumeOnCrash(5))
		effectStep(d, "effect", func(context.Context, steps.Tx, *steps.Run[input]) error {
			ran.Add(1)
			time.Sleep(2 * cfg.Lease) // as a statement does that takes long
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
		assert.Equal(t, []any{model.Failed, model.StepFailed}, []any{s.Status, s.Steps[0].Status})
		assert.Regexp(t, `^step "effect": its transaction was rolled back after [2-9](\.\d)?s: `, s.Error)
		assert.Contains(t, s.Error, "the engine's lease of 2s ran out")
		assert.Empty(t, readEffects(t, db))
	})
}

// A short step's transaction is not committed since the database has gone away, for
// longer than the lease: that is no failure of the step's, and it runs again.
func TestADatabaseThatGoesAwayBeforeAShortTransactionIsCommittedCostsARunOnly(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	refuse := func(string) bool { return away.Load() }
	refuseQuery := func(string, []driver.NamedValue) bool { return away.Load() }
	var lose atomic.Pointer[func(string) bool]
	var hold atomic.Pointer[func(string, []driver.NamedValue) bool]
	lose.Store(&refuse)
	hold.Store(&refuseQuery)
	text := testdb.DSN(t, testdb.SQLite)
	db := testdb.Open(t, text)
	makeEffects(t, db)
	cfg := config()
	cfg.Lease, cfg.Heartbeat = 2*time.Second, 300*time.Millisecond
	d := steps.Define[input](steps.ResumeOnCrash(5))
	effectStep(d, "effect", func(ctx context.Context, _ steps.Tx, run *steps.Run[input]) error {
		if run.Job().Attempt == 1 {
			away.Store(true)
			context.AfterFunc(ctx, func() { away.Store(false) }) // when the lease is lost
		}
		return nil
	})
	start(t, newEngine(t, openLossyAt(t, testdb.SQLite, text, lossy{lose: &lose, hold: &hold}), cfg, d))
	eng := newEngine(t, db, cfg)
	s := ended(t, eng, enqueue(t, eng, raw("test:job")).ID)
	require.Equal(t, model.Succeeded, s.Status, s.Error)
	assert.GreaterOrEqual(t, s.Attempt, int64(2), "the lease was lost")
	assert.Equal(t, 1, readEffects(t, db)[s.ID])
}
