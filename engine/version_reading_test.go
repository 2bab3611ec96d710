package engine_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The host's code that reads an output of an earlier version may be slow: no other job
// waits for it.
func TestASlowMigrationDelaysNoOtherJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		before := steps.Define[input](steps.Type("reads"))
		steps.Add(before, "count", func(context.Context, *steps.Run[input]) (int, error) { return 1, nil })
		steps.Do(before, "breaks", func(context.Context, *steps.Run[input]) error { return errBoom })
		first := newEngine(t, db, config(), before)
		stop := start(t, first)
		job := ended(t, first, enqueue(t, first, raw("reads")).ID)
		stop()

		begun, release := make(chan struct{}), make(chan struct{})
		var once sync.Once
		var slow atomic.Bool
		now := steps.Define[input](steps.Type("reads"))
		count := steps.Add(now, "count", func(context.Context, *steps.Run[input]) (float64, error) { return 1, nil },
			steps.Version(1), steps.Migrate(0, func(n int) (float64, error) {
				if slow.Load() {
					once.Do(func() { close(begun) })
					<-release
				}
				return float64(n), nil
			}))
		steps.Add(now, "breaks", func(_ context.Context, run *steps.Run[input]) (float64, error) {
			slow.Store(true)
			return count.Output(run), nil
		})
		eng := newEngine(t, db, config(), now, one("other", nothing))
		start(t, eng)
		assert.NoError(t, eng.Resume(t.Context(), job.ID))
		receive(t, begun)
		for range 3 {
			assert.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, raw("other")).ID).Status)
		}
		slow.Store(false)
		close(release)
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
	})
}
