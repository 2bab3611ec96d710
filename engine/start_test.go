package engine_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

func TestAnEngineStartsThoughItsFirstStatementsFail(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var left atomic.Int32
		left.Store(2)
		var network faults
		network.fail(func(call wire.Call) bool { return has(store.OpEnsureLocks)(call) && left.Add(-1) >= 0 })
		eng := newEngine(t, openHooked(t, text, &network), config(), one("a", nothing), one("b", nothing))
		start(t, eng)
		require.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, raw("a")).ID).Status)
		assert.Negative(t, left.Load())
	})
}

func TestWhatCannotBeUsedIsRejectedWhenTheEngineIsMade(t *testing.T) {
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
