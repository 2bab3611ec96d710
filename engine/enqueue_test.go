package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// Another program writes its payload directly into the table.
func TestTheWholeDocumentOfAnotherProducerIsTheInput(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		id := "01890000-0000-7000-8000-00000000abcd"
		_, err := db.NewRaw("INSERT INTO job_system_jobs (id, type, data) VALUES (?, ?, ?)", id, "test:job", `{"n": 10}`).Exec(t.Context())
		require.NoError(t, err)
		start(t, eng)
		s := ended(t, eng, uuidOf(id))
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `"13"`, string(s.Result))
	})
}

func TestAScheduledJobWaitsForItsTime(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		start(t, eng)
		at := time.Now().Add(400 * time.Millisecond)
		later := enqueue(t, eng, input{}, engine.At(at))
		never := enqueue(t, eng, input{}, engine.At(time.Now().Add(time.Hour)))
		now := enqueue(t, eng, input{})
		ended(t, eng, now.ID)
		s := ended(t, eng, later.ID)
		assert.False(t, s.StartedAt.Before(model.TimeOf(at).Time), "started %v, due %v", s.StartedAt, at)
		s, err := eng.Status(t.Context(), never.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
	})
}

func TestAnImmediateJobGoesBeforeTheOthersOfItsType(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		cfg := config()
		cfg.Poll = time.Hour // the engine polls only when it is woken
		begun := make(chan int, 8)
		d := steps.Define[input]()
		steps.Do(d, "only", func(_ context.Context, run *steps.Run[input]) error { begun <- run.Input().N; return nil })
		eng := newEngine(t, db, cfg, d)
		start(t, eng)
		// Another program's row waits, unseen, and an immediate job overtakes
		// it: unless the engine happens to poll in between, as it does after
		// the end of the round before. In order, the row always comes first.
		for range 50 {
			_, err := db.NewRaw("INSERT INTO job_system_jobs (id, type, data) VALUES (?, ?, ?)", uuid.NewString(), "test:job", `{"n":3}`).Exec(t.Context())
			require.NoError(t, err)
			last := enqueue(t, eng, input{N: 4}, engine.Immediately())
			order := []int{receive(t, begun), receive(t, begun)}
			ended(t, eng, last.ID)
			if order[0] == 4 {
				assert.Equal(t, []int{4, 3}, order)
				return
			}
		}
		t.Error("an immediate job never went first")
	})
}

func TestAnIdempotencyKeyReturnsTheFirstJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		first := enqueue(t, eng, input{N: 1}, engine.IdempotencyKey("k"))
		assert.False(t, first.Existing)
		var ids sync.Map
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				job, err := eng.Enqueue(t.Context(), input{N: i}, engine.IdempotencyKey("k"))
				if assert.NoError(t, err) {
					ids.Store(job.ID, true)
					assert.True(t, job.Existing)
				}
			})
		}
		group.Wait()
		n := 0
		ids.Range(func(id, _ any) bool { n++; assert.Equal(t, first.ID, id); return true })
		assert.Equal(t, 1, n)
		other := enqueue(t, eng, engine.RawInput{Type: "other"}, engine.IdempotencyKey("k"))
		assert.NotEqual(t, first.ID, other.ID, "a key is unique within its type")
		require.NoError(t, eng.Delete(t.Context(), first.ID))
		again := enqueue(t, eng, input{}, engine.IdempotencyKey("k"))
		assert.NotEqual(t, first.ID, again.ID, "deleting frees the key")
	})
}

func TestEnqueueInTheCallersTransaction(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		start(t, eng)
		var gone, kept *model.Job
		err := db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) (err error) {
			gone, err = eng.WithTx(tx).Enqueue(ctx, input{})
			require.NoError(t, err)
			return errBoom
		})
		require.ErrorIs(t, err, errBoom)
		require.NoError(t, db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) (err error) {
			kept, err = eng.WithTx(tx).Enqueue(ctx, input{}, engine.IdempotencyKey("tx"))
			if err != nil {
				return err
			}
			twin, err := eng.WithTx(tx).Enqueue(ctx, input{}, engine.IdempotencyKey("tx"))
			if assert.NoError(t, err) {
				assert.Equal(t, kept.ID, twin.ID)
			}
			return err
		}))
		eng.Wake()
		assert.Equal(t, model.Succeeded, ended(t, eng, kept.ID).Status)
		_, err = eng.Status(t.Context(), gone.ID)
		assert.ErrorIs(t, err, engine.ErrNotFound)
	})
}

func TestTextsAndValuesAreReadBackUnchanged(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		const odd = "quote ' \" back\\slash \\' percent % question ? emoji 🚀 umlaut ü line\nbreak `tick` $1 ?0"
		d := steps.Define[input]()
		echo := steps.Add(d, "echo ? '", func(_ context.Context, run *steps.Run[input]) (string, error) {
			return run.Input().Text, nil
		})
		steps.Do(d, "fail", func(ctx context.Context, run *steps.Run[input]) error {
			run.Progress(1, 1, "%s", odd)
			return fmt.Errorf("%s \x00 \xff", echo.Output(run))
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{Text: odd}, engine.Name(odd), engine.IdempotencyKey(odd))
		s := ended(t, eng, job.ID)
		assert.Equal(t, odd, s.Name)
		assert.Equal(t, odd, s.Message)
		assert.Equal(t, `step "fail": `+odd+" \x20\uFFFD", s.Error)
		var out string
		require.NoError(t, json.Unmarshal(s.Steps[0].Output, &out))
		assert.Equal(t, odd, out)
	})
}

func TestWhatCannotBeStoredIsRejectedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		for name, raw := range map[string]engine.RawInput{
			"NUL":         {Type: "x", Input: json.RawMessage(`{"a":"\u0000"}`)},
			"surrogate":   {Type: "x", Input: json.RawMessage(`"\ud800"`)},
			"big number":  {Type: "x", Input: json.RawMessage(`123456789012345678901234567890`)},
			"no JSON":     {Type: "x", Input: json.RawMessage(`{`)},
			"no type":     {},
			"space":       {Type: " x"},
			"long type":   {Type: string(make([]byte, 200))},
			"large input": {Type: "x", Input: json.RawMessage(`"` + string(make300k()) + `"`)},
		} {
			_, err := eng.Enqueue(t.Context(), raw)
			assert.ErrorIs(t, err, engine.ErrInvalid, name)
		}
		_, err := eng.Enqueue(t.Context(), input{}, engine.Name("a\x00b"))
		assert.ErrorIs(t, err, engine.ErrInvalid)
		_, err = eng.Enqueue(t.Context(), input{}, engine.Immediately(), engine.At(time.Now().Add(time.Hour)))
		assert.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, "it has both Immediately and At(")
		jobs, err := eng.List(t.Context(), engine.Filter{})
		require.NoError(t, err)
		assert.Empty(t, jobs)
	})
}

func make300k() []byte {
	b := make([]byte, 300<<10)
	for i := range b {
		b[i] = 'x'
	}
	return b
}

func TestManyJobsAreEnqueuedTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		key := engine.IdempotencyKey("same")
		var items []engine.NewJob
		for i := range 1100 {
			items = append(items, engine.NewJob{Input: input{N: i}})
		}
		items = append(items, engine.NewJob{Input: input{N: -1}, Options: []engine.EnqueueOption{key}}, engine.NewJob{Input: input{N: -2}, Options: []engine.EnqueueOption{key}})
		jobs, err := eng.EnqueueMany(t.Context(), items)
		require.NoError(t, err)
		require.Len(t, jobs, len(items))
		assert.Contains(t, string(jobs[7].Data), "7")
		assert.Equal(t, jobs[1100].ID, jobs[1101].ID)
		assert.True(t, jobs[1101].Existing)
		count := func() (n int) {
			require.NoError(t, db.NewRaw("SELECT COUNT(*) FROM job_system_jobs j").Scan(t.Context(), &n))
			return n
		}
		assert.Equal(t, 1101, count())
		_, err = eng.EnqueueMany(t.Context(), []engine.NewJob{{Input: input{}}, {Input: engine.RawInput{Type: "x", Input: []byte("{")}}})
		require.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, "item 1")
		assert.Equal(t, 1101, count())
		none, err := eng.EnqueueMany(t.Context(), nil)
		require.NoError(t, err)
		assert.Empty(t, none)
	})
}
