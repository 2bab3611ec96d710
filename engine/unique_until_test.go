package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// endsAs is a definition whose jobs end with the status in their input's text.
func endsAs(client func() *engine.Engine) *steps.Definition[input] {
	return one("test:job", func(ctx context.Context, run *steps.Run[input]) error {
		switch run.Input().Text {
		case "failed":
			return errBoom
		case "cancelled":
			if err := client().Cancel(ctx, run.Job().ID, "ann", ""); err != nil {
				return err
			}
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return nil
	})
}

func TestAKeyBindsUntilItsJobEndsWithOneOfTheStatuses(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		eng = newEngine(t, db, config(), endsAs(func() *engine.Engine { return eng }))
		all := []model.Status{model.Succeeded, model.Failed, model.Cancelled}
		for n, until := range [][]model.Status{{model.Failed}, {model.Cancelled, model.Failed}, all} {
			for _, end := range all {
				key := engine.IdempotencyKey(fmt.Sprint(n, end))
				again := func() *model.Job { return enqueue(t, eng, input{Text: string(end)}, key, engine.UniqueUntil(until...)) }
				stop := start(t, newEngine(t, db, config(), one("test:other", nothing)))
				first := again()
				assert.False(t, first.Existing)
				assert.Equal(t, first.ID, again().ID, "it waits")
				stop()
				stop = start(t, eng)
				require.Equal(t, end, ended(t, eng, first.ID).Status)
				stop()
				second := again()
				frees := false
				for _, status := range until {
					frees = frees || status == end
				}
				assert.Equal(t, !frees, second.Existing, "%s, until %v", end, until)
				assert.Equal(t, !frees, second.ID == first.ID)
				require.NoError(t, eng.Delete(t.Context(), second.ID))
			}
		}
	})
}

func TestAJobWhoseKeyIsAnothersIsNotResumed(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		eng = newEngine(t, db, config(), endsAs(func() *engine.Engine { return eng }))
		key := []engine.EnqueueOption{engine.IdempotencyKey("k"), engine.UniqueUntil(model.Failed)}
		stop := start(t, eng)
		old := enqueue(t, eng, input{Text: "failed"}, key...)
		ended(t, eng, old.ID)
		stop()
		newer := enqueue(t, eng, input{}, key...)
		for _, run := range []func() error{
			func() error { return eng.Resume(t.Context(), old.ID) },
			func() error { return eng.Restart(t.Context(), old.ID) },
		} {
			err := run()
			require.ErrorIs(t, err, engine.ErrStatus)
			require.ErrorContains(t, err, newer.ID.String())
		}
		require.NoError(t, eng.Delete(t.Context(), newer.ID))
		require.NoError(t, eng.Resume(t.Context(), old.ID))
		assert.Equal(t, old.ID, enqueue(t, eng, input{}, key...).ID, "the key is its again")
	})
}

// A failed job is resumed while another one is enqueued with its key: one of the two is.
func TestAResumeRacesWithAnEnqueueOfItsKey(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, dsn string) {
		var eng *engine.Engine
		eng = newEngine(t, testdb.Open(t, dsn), config(), endsAs(func() *engine.Engine { return eng }))
		other := newEngine(t, testdb.Open(t, dsn), config())
		for round := range 20 {
			key := []engine.EnqueueOption{engine.IdempotencyKey(fmt.Sprint(round)), engine.UniqueUntil(model.Failed)}
			stop := start(t, eng)
			old := enqueue(t, eng, input{Text: "failed"}, key...)
			ended(t, eng, old.ID)
			stop()
			var enqueued *model.Job
			errs := atOnce(2, func(i int) (err error) {
				if i == 0 {
					return eng.Resume(t.Context(), old.ID)
				}
				enqueued, err = other.Enqueue(t.Context(), input{}, key...)
				return err
			})
			require.NoError(t, errs[1])
			if errs[0] == nil {
				assert.Equal(t, old.ID, enqueued.ID)
				assert.True(t, enqueued.Existing)
			} else {
				require.ErrorIs(t, errs[0], engine.ErrStatus)
				assert.NotEqual(t, old.ID, enqueued.ID)
			}
			require.NoError(t, eng.Delete(t.Context(), enqueued.ID))
		}
	})
}

// Jobs end while others are enqueued with their key: each caller gets a job, and all run once.
func TestAJobsEndRacesWithEnqueuesOfItsKey(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, dsn string) {
		const crowd, rounds = 12, 10
		var runs ledger
		eng := newEngine(t, testdb.Open(t, dsn), config(), one("test:job", func(_ context.Context, run *steps.Run[input]) error {
			runs.note(run.Job().ID.String())
			if run.Input().N%2 == 0 {
				return errBoom
			}
			return nil
		}))
		others := []*engine.Engine{newEngine(t, testdb.Open(t, dsn), config()), newEngine(t, testdb.Open(t, dsn), config()), eng}
		start(t, eng)
		key := []engine.EnqueueOption{engine.IdempotencyKey("k"), engine.UniqueUntil(model.Failed, model.Succeeded)}
		jobs := make([][]*model.Job, rounds)
		for round := range rounds {
			jobs[round] = make([]*model.Job, crowd)
			errs := atOnce(crowd, func(i int) (err error) {
				jobs[round][i], err = others[i%len(others)].Enqueue(t.Context(), input{N: i}, key...)
				return err
			})
			require.NoError(t, errors.Join(errs...))
		}
		seen := make(map[uuid.UUID]bool)
		for _, round := range jobs {
			for _, job := range round {
				if !seen[job.ID] {
					seen[job.ID] = true
					assert.True(t, ended(t, eng, job.ID).Status.Ended())
					assert.Equal(t, 1, runs.note(job.ID.String())-1, "it has run once")
				}
			}
		}
		list, err := eng.List(t.Context(), engine.Filter{Limit: 1000})
		require.NoError(t, err)
		assert.Len(t, list, len(seen), "every job was returned to a caller")
		sound(t, testdb.Open(t, dsn))
	})
}

func TestUniqueUntilNeedsAKeyAndEnds(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		for want, opts := range map[string][]engine.EnqueueOption{
			"no IdempotencyKey":                  {engine.UniqueUntil(model.Failed)},
			"has no status":                      {engine.IdempotencyKey("k"), engine.UniqueUntil()},
			`"processing", which is not a statu`: {engine.IdempotencyKey("k"), engine.UniqueUntil(model.Failed, model.Processing)},
		} {
			_, err := eng.Enqueue(t.Context(), input{}, opts...)
			require.ErrorIs(t, err, engine.ErrInvalid)
			require.ErrorContains(t, err, want)
		}
	})
}
