package engine_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// Each statement of an engine names its operation, so that a DBA knows what it is for.
func TestEachStatementOfAnEngineNamesItsOperation(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var mu sync.Mutex
		var sent []store.Op
		var untagged []string
		db := openSpied(t, text, func(call wire.Call) {
			mu.Lock()
			defer mu.Unlock()
			switch op := store.OpOf(call.Text); {
			case op != "":
				sent = append(sent, op)
			case call.Kind == wire.Statement && call.Text != "SELECT version()": // this one is Bun's
				untagged = append(untagged, call.Text)
			}
		})
		d := steps.Define[input]()
		steps.Do(d, "only", func(ctx context.Context, run *steps.Run[input]) error { return run.Checkpoint(ctx, 1) })
		eng := newEngine(t, db, config(), d)
		stop := start(t, eng)
		job := enqueue(t, eng, input{})
		require.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
		_, err := eng.List(t.Context(), engine.Filter{})
		require.NoError(t, err)
		stop()
		mu.Lock()
		defer mu.Unlock()
		assert.Empty(t, untagged)
		for _, op := range []store.Op{store.OpCheck, store.OpEnsureLocks, store.OpClaim, store.OpFlush, store.OpList} {
			assert.Contains(t, sent, op)
		}
	})
}
