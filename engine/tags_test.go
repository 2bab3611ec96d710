package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// Everything that an engine sends names its operation, so that a DBA can tell what
// a statement is for.
func TestEachStatementOfAnEngineNamesItsOperation(t *testing.T) {
	t.Parallel()
	for _, kind := range testdb.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var sent []store.Op
			var untagged []string
			db := openOverheard(t, kind, func(query string) {
				mu.Lock()
				defer mu.Unlock()
				switch op := store.OpOf(query); {
				case op != "":
					sent = append(sent, op)
				case !slices.Contains([]string{"BEGIN", "COMMIT", "SELECT version()"}, query): // the last is Bun's
					untagged = append(untagged, query)
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
				assert.True(t, slices.Contains(sent, op), op)
			}
		})
	}
}
