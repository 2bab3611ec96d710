package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestABuiltPlanFollowsItsInput(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), steps.DefineFunc(func(in input) (*steps.Definition[input], error) {
			if in.N < 0 {
				return nil, errBoom
			}
			d := steps.Define[input]()
			for i := range in.N {
				steps.Do(d, fmt.Sprint("region-", i), func(context.Context, *steps.Run[input]) error { return nil })
			}
			return d, nil
		}))
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{N: 4}).ID)
		assert.Equal(t, model.Succeeded, s.Status)
		assert.Len(t, s.Steps, 4)
		s = ended(t, eng, enqueue(t, eng, input{N: 0}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "has no steps")
		s = ended(t, eng, enqueue(t, eng, input{N: -1}).ID)
		assert.Contains(t, s.Error, "boom")
	})
}

func TestARecordThatDoesNotFitTheDefinitionRunsNothing(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		old := steps.Define[input]()
		steps.Add(old, "renamed", func(context.Context, *steps.Run[input]) (string, error) { return "x", nil })
		steps.Add(old, "retyped", func(context.Context, *steps.Run[input]) (string, error) { return "x", nil })
		steps.Do(old, "fail", func(context.Context, *steps.Run[input]) error { return errBoom })
		before := newEngine(t, db, config(), old)
		stop := start(t, before)
		job := enqueue(t, before, input{})
		was := ended(t, before, job.ID)
		stop()

		var ran atomic.Bool
		changed := steps.Define[input]()
		steps.Do(changed, "inserted", func(context.Context, *steps.Run[input]) error { ran.Store(true); return nil })
		steps.Add(changed, "retyped", func(context.Context, *steps.Run[input]) (int, error) { ran.Store(true); return 1, nil })
		after := newEngine(t, db, config(), changed)
		err := after.Resume(t.Context(), job.ID)
		for _, want := range []string{`"renamed"`, `"inserted"`, `"retyped"`, "no longer decodes", "nothing was run"} {
			require.ErrorContains(t, err, want)
		}
		// If a process that does not know the definition resumes it, it fails when it is
		// claimed, with its record unchanged.
		require.NoError(t, newEngine(t, db, config()).Resume(t.Context(), job.ID))
		start(t, after)
		s := ended(t, after, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "do not fit the definition")
		assert.Equal(t, was.Steps, s.Steps)
		assert.False(t, ran.Load())
	})
}

type tenantKey struct{}

func TestTheContextFactoryMakesEachJobsContext(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		steps.Add(d, "read", func(ctx context.Context, run *steps.Run[input]) (string, error) {
			return ctx.Value(tenantKey{}).(string), nil
		})
		eng, err := engine.New(db, config())
		require.NoError(t, err)
		require.NoError(t, eng.Register(d, engine.ContextFunc(func(ctx context.Context, job *model.Job) (context.Context, error) {
			if job.Role == "" {
				return nil, errBoom
			}
			return context.WithValue(ctx, tenantKey{}, job.Role), nil
		})))
		start(t, eng)
		assert.JSONEq(t, `"acme"`, string(ended(t, eng, enqueue(t, eng, input{}, engine.Role("acme")).ID).Result))
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "boom")
	})
}
