package engine_test

import (
	"context"
	"encoding/json"
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

func TestJobsOfUnknownTypesAreLeftAlone(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		here := newEngine(t, db, config(), three())
		start(t, here)
		other := enqueue(t, here, engine.RawInput{Type: "elsewhere", Input: json.RawMessage(`{}`)})
		ended(t, here, enqueue(t, here, input{}).ID)
		s, err := here.Status(t.Context(), other.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)

		d := steps.Define[input](steps.Type("elsewhere"))
		steps.Do(d, "only", func(context.Context, *steps.Run[input]) error { return nil })
		there := newEngine(t, db, config(), d)
		start(t, there)
		assert.Equal(t, model.Succeeded, ended(t, there, other.ID).Status)
	})
}

func TestASecondRegistrationOfATypeIsAnErrorAndMistakesComeTogether(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		assert.ErrorIs(t, eng.Register(three()), engine.ErrInvalid)
		bad := steps.Define[int]()
		steps.Do(bad, "", func(context.Context, *steps.Run[int]) error { return nil })
		steps.Do(bad, "x", func(context.Context, *steps.Run[int]) error { return nil }, steps.Weight(-1))
		steps.Do(bad, "x", nil)
		err := eng.Register(bad)
		require.ErrorIs(t, err, engine.ErrInvalid)
		for _, want := range []string{"job type", "is empty", "weight -1", "taken by step 2", "function is nil"} {
			assert.ErrorContains(t, err, want)
		}
		start(t, eng)
		ended(t, eng, enqueue(t, eng, input{}).ID)
		late := steps.Define[input](steps.Type("late"))
		steps.Do(late, "x", func(context.Context, *steps.Run[input]) error { return nil })
		assert.ErrorIs(t, eng.Register(late), engine.ErrAlreadyRunning)
		assert.ErrorIs(t, eng.Run(t.Context()), engine.ErrAlreadyRunning)
	})
}

func TestListLatestRunningAndTypes(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		hold, held := make(chan struct{}), make(chan struct{})
		d := steps.Define[input]()
		steps.Do(d, "only", func(ctx context.Context, run *steps.Run[input]) error {
			if run.Input().N == 2 {
				close(held)
				<-hold
			}
			return nil
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		one := enqueue(t, eng, input{N: 1})
		ended(t, eng, one.ID)
		_, err := eng.RunningJob(t.Context(), "test:job")
		assert.ErrorIs(t, err, engine.ErrNotFound)
		two := enqueue(t, eng, input{N: 2})
		receive(t, held)
		running, err := eng.RunningJob(t.Context(), "test:job")
		require.NoError(t, err)
		assert.Equal(t, two.ID, running.ID)
		assert.ErrorIs(t, eng.Delete(t.Context(), two.ID), engine.ErrStatus)
		later := enqueue(t, eng, input{N: 3}, engine.At(time.Now().Add(time.Hour)))
		latest, err := eng.LatestJob(t.Context(), "test:job")
		require.NoError(t, err)
		assert.Equal(t, later.ID, latest.ID)

		ids := func(f engine.Filter) (out []string) {
			jobs, err := eng.List(t.Context(), f)
			require.NoError(t, err)
			for _, j := range jobs {
				out = append(out, j.ID.String())
			}
			return out
		}
		assert.Equal(t, []string{later.ID.String(), two.ID.String(), one.ID.String()}, ids(engine.Filter{}))
		assert.Equal(t, []string{two.ID.String()}, ids(engine.Filter{Statuses: []model.Status{model.Processing}}))
		assert.Equal(t, []string{one.ID.String()}, ids(engine.Filter{Before: two.ID}))
		assert.Empty(t, ids(engine.Filter{Types: []string{"other"}}))
		require.NoError(t, eng.Delete(t.Context(), later.ID))
		assert.Len(t, ids(engine.Filter{}), 2)
		assert.Len(t, ids(engine.Filter{Deleted: true}), 3)
		assert.Len(t, ids(engine.Filter{Limit: 1}), 1)
		types, err := eng.Types(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []engine.TypeSummary{{Type: "test:job", Registered: true, Jobs: map[model.Status]int{model.Processing: 1, model.Succeeded: 1}}}, types)
		close(hold)
		ended(t, eng, two.ID)
	})
}

// embedded has a job type of its own beside the steps of a definition.
type embedded struct {
	steps.Handler
	jobType string
}

func (e embedded) JobType() string { return e.jobType }

func TestATypeThatEmbedsADefinitionIsRegisteredAsItSays(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), embedded{three(), "test:one"}, embedded{three(), "test:two"})
		start(t, eng)
		for _, jobType := range []string{"test:one", "test:two"} {
			job := enqueue(t, eng, raw(jobType))
			assert.JSONEq(t, `"4"`, string(ended(t, eng, job.ID).Result))
		}
		other := newEngine(t, db, config())
		for name, bad := range map[string]steps.Handler{
			"bad type":    embedded{three(), ""},
			"nothing":     embedded{nil, "test:three"},
			"nil":         embedded{(*steps.Definition[input])(nil), "test:three"},
			"nil pointer": (*embedded)(nil),
		} {
			assert.ErrorIs(t, other.Register(bad), engine.ErrInvalid, name)
		}
	})
}
