package engine_test

import (
	"context"
	"strings"
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

// refusals has the first statements that make locks fail.
type refusals struct{ left atomic.Int32 }

func (r *refusals) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if strings.HasPrefix(event.Query, "INSERT INTO job_type_lock") && r.left.Add(-1) >= 0 {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	}
	return ctx
}

func (r *refusals) AfterQuery(context.Context, *bun.QueryEvent) {}

func TestAnEngineStartsThoughTheDatabaseRefusesItAtFirst(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		first := &refusals{}
		first.left.Store(2)
		db.AddQueryHook(first) //nolint:staticcheck // a copy with the hook would not be the engine's
		eng := newEngine(t, db, config(), one("a", nothing), one("b", nothing))
		start(t, eng)
		require.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, raw("a")).ID).Status)
		assert.Negative(t, first.left.Load())
	})
}

func TestWhatCannotBeUsedIsRefusedWhenTheEngineIsMade(t *testing.T) {
	t.Parallel()
	_, err := engine.New(nil, engine.Config{})
	require.ErrorIs(t, err, engine.ErrInvalid)
	db := testdb.Open(t, testdb.DSN(t, testdb.SQLite))
	for _, cfg := range []engine.Config{
		{Lease: 2}, {Lease: -time.Second}, {Lease: time.Second, Heartbeat: time.Second}, {Poll: -1}, {MaxRunning: -1}, {Limits: engine.Limits{Output: -1}},
	} {
		_, err := engine.New(db, cfg)
		assert.ErrorIs(t, err, engine.ErrInvalid, "%+v", cfg)
	}
	eng := newEngine(t, db, config())
	assert.ErrorIs(t, eng.Register(nil), engine.ErrInvalid)
	assert.ErrorIs(t, eng.Register((*steps.Definition[input])(nil)), engine.ErrInvalid)
	assert.ErrorIs(t, eng.Run(t.Context()), engine.ErrInvalid)
	_, err = eng.Enqueue(t.Context(), nil)
	assert.ErrorIs(t, err, engine.ErrInvalid)
	empty := testdb.Open(t, testdb.EmptyDSN(t, testdb.SQLite))
	_, err = engine.New(empty, engine.Config{})
	assert.ErrorIs(t, err, engine.ErrNotMigrated)
	assert.ErrorContains(t, err, "jobctl migrate up")
}
