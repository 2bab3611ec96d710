package engine_test

import (
	"context"
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

// ordered is a definition whose jobs record their names when they begin; the one called
// "busy" ends when it is released.
type ordered struct {
	begun   chan string
	release chan struct{}
}

func (o *ordered) definition(jobType string) *steps.Definition[input] {
	return one(jobType, func(_ context.Context, run *steps.Run[input]) error {
		o.begun <- run.Job().Name
		if run.Job().Name == "busy" {
			<-o.release
		}
		return nil
	})
}

func (o *ordered) next(t *testing.T, n int) (names []string) {
	t.Helper()
	for range n {
		names = append(names, receive(t, o.begun))
	}
	return names
}

func newOrdered() *ordered {
	return &ordered{make(chan string, 16), make(chan struct{})}
}

// named enqueues a job of test:job with that name.
func named(t *testing.T, c *engine.Client, name string, opts ...engine.EnqueueOption) {
	t.Helper()
	_, err := c.Enqueue(t.Context(), input{}, append(opts, engine.Name(name))...)
	require.NoError(t, err)
}

// Whenever an immediate job is enqueued while others wait, it is the next of its type.
func TestAnImmediateJobIsTheNextOfItsType(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, dsn string) {
		for name, immediate := range map[string]func(*testing.T, *engine.Engine, *engine.Engine){
			"of the engine that runs the type": func(t *testing.T, runs, _ *engine.Engine) {
				named(t, &runs.Client, "now", engine.Immediately())
			},
			"of another process": func(t *testing.T, _, other *engine.Engine) {
				named(t, &other.Client, "now", engine.Immediately())
			},
			"in a transaction": func(t *testing.T, runs, _ *engine.Engine) {
				db := testdb.Open(t, dsn)
				require.NoError(t, db.RunInTx(t.Context(), nil, func(_ context.Context, tx bun.Tx) error {
					named(t, runs.WithTx(tx), "now", engine.Immediately())
					return nil
				}))
			},
			"among many": func(t *testing.T, runs, _ *engine.Engine) {
				_, err := runs.EnqueueMany(t.Context(), []engine.NewJob{
					{Input: input{}, Options: []engine.EnqueueOption{engine.Name("now"), engine.Immediately()}},
				})
				require.NoError(t, err)
			},
		} {
			for _, maxRunning := range []int{0, 1} {
				cfg := config()
				cfg.MaxRunning = maxRunning
				o := newOrdered()
				runs := newEngine(t, testdb.Open(t, dsn), cfg, o.definition("test:job"), o.definition("test:other"))
				other := newEngine(t, testdb.Open(t, dsn), cfg)
				stop := start(t, runs)
				named(t, &other.Client, "busy")
				require.Equal(t, []string{"busy"}, o.next(t, 1))
				named(t, &other.Client, "one")
				named(t, &other.Client, "two")
				immediate(t, runs, other)
				close(o.release)
				assert.Equal(t, []string{"now", "one", "two"}, o.next(t, 3), "%s, at most %d at a time", name, maxRunning)
				stop()
			}
		}
	})
}

// Each engine claims the immediate job first, also one that starts later.
func TestAnImmediateJobIsTheNextOfItsTypeAfterARestart(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		o := newOrdered()
		eng := newEngine(t, db, config(), o.definition("test:job"))
		named(t, &eng.Client, "one")
		named(t, &eng.Client, "two")
		named(t, &eng.Client, "now", engine.Immediately())
		named(t, &eng.Client, "now too", engine.Immediately())
		start(t, eng)
		assert.Equal(t, []string{"now", "now too", "one", "two"}, o.next(t, 4))
	})
}

// It keeps its preference when it is resumed.
func TestAnImmediateJobThatIsResumedIsTheNextOfItsType(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		o := newOrdered()
		eng := newEngine(t, db, config(), o.definition("test:job"))
		job := enqueue(t, eng, input{}, engine.Name("now"), engine.Immediately())
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", ""))
		named(t, &eng.Client, "one")
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		start(t, eng)
		assert.Equal(t, []string{"now", "one"}, o.next(t, 2))
	})
}

func TestJobsAreClaimedByTheirPriority(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		o := newOrdered()
		eng := newEngine(t, db, config(), o.definition("test:job"))
		named(t, &eng.Client, "bulk", engine.Priority(model.MinPriority))
		named(t, &eng.Client, "plain")
		named(t, &eng.Client, "urgent", engine.Priority(model.MaxPriority))
		named(t, &eng.Client, "patient", engine.At(time.Now().Add(-3*model.PriorityWorth)))
		named(t, &eng.Client, "urgent tomorrow", engine.Priority(1), engine.At(time.Now().Add(24*time.Hour)))
		start(t, eng)
		assert.Equal(t, []string{"patient", "urgent", "plain", "bulk"}, o.next(t, 4))
	})
}

func TestAPriorityThatNoJobCanHaveIsInvalid(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		for _, n := range []int{model.MinPriority - 1, model.MaxPriority + 1, model.ImmediatePriority} {
			_, err := eng.Enqueue(t.Context(), input{}, engine.Priority(n))
			assert.ErrorIs(t, err, engine.ErrInvalid)
			assert.ErrorContains(t, err, "is not between -2 and 2")
		}
		_, err := eng.Enqueue(t.Context(), input{}, engine.Immediately(), engine.Priority(1))
		assert.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, "it has both Immediately and Priority(1)")
		for n := model.MinPriority; n <= model.MaxPriority; n++ {
			job := enqueue(t, eng, input{}, engine.Priority(n))
			assert.Equal(t, n, job.Priority)
		}
		assert.Equal(t, model.ImmediatePriority, enqueue(t, eng, input{}, engine.Immediately()).Priority)
	})
}
