package engine_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// everyVariable makes this test binary run jobs with each kind of step until it is killed,
// on the database that the variable names.
const everyVariable = "JOBSYSTEM_TEST_EVERY_CHILD"

const (
	everyTypes = 3
	everyItems = 120
)

func everyType(n int) string { return fmt.Sprint("every:", n) }

// everyKind has a step of each kind. A job with an odd N fails at its end, and what it has
// done is undone.
func everyKind(n int, db *bun.DB) *steps.Definition[input] {
	note := func(ctx context.Context, what string, run *steps.Run[input]) error {
		_, err := db.NewRaw("INSERT INTO notes (job, what) VALUES (?, ?)", run.Job().ID.String(), what).Exec(ctx)
		return err
	}
	d := steps.Define[input](steps.Type(everyType(n)), steps.ResumeOnCrash(1<<20))
	steps.Do(d, "reserve", func(ctx context.Context, run *steps.Run[input]) error { return note(ctx, "reserve", run) },
		steps.Undo(func(ctx context.Context, run *steps.Run[input], _ steps.None) error { return note(ctx, "undo", run) }))
	both := steps.Parallel(d, "both")
	for _, name := range []string{"left", "right"} {
		steps.Do(both, name, func(ctx context.Context, run *steps.Run[input]) error {
			return errors.Join(run.Checkpoint(ctx, name), note(ctx, name, run))
		})
	}
	steps.Add(d, "items", func(ctx context.Context, run *steps.Run[input]) (int, error) {
		return steps.Each(ctx, run, numbers, func(ctx context.Context, i int) error { return note(ctx, fmt.Sprint("item ", i), run) }, steps.CheckpointEvery(20))
	})
	steps.InTx(d, "effect", func(ctx context.Context, tx steps.Tx, run *steps.Run[input]) (int, error) {
		return 1, addEffect(ctx, tx, run.Job().ID)
	})
	steps.Sleep(d, "nap", 30*time.Millisecond)
	steps.AwaitSignal[input, string](d, "approve")
	steps.ChildJobs(d, "children", func(context.Context, *steps.Run[input]) ([]steps.Child, error) {
		return []steps.Child{{Input: raw("every:child")}, {Input: raw("every:child")}}, nil
	})
	steps.Do(d, "never", nothing, steps.When(func(*steps.Run[input]) bool { return false }, "not wanted"))
	steps.Do(d, "flaky", func(_ context.Context, run *steps.Run[input]) error {
		if run.Attempt() < 3 {
			return errors.New("not yet")
		}
		return nil
	}, steps.Retry(1<<20, time.Millisecond, steps.MaxDelay(20*time.Millisecond)))
	steps.Do(d, "last", func(_ context.Context, run *steps.Run[input]) error {
		if run.Input().N%2 == 1 {
			return errors.New("as was asked for")
		}
		return nil
	})
	return d
}

// numbers yields the items after the first ones.
func numbers(skip int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := skip; i < everyItems; i++ {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// runEvery is the process that is killed. It prints a line when it begins.
func runEvery(text string) {
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	go endWithParent()
	db, err := dsn.Open(context.Background(), text)
	fail(err)
	cfg := config()
	cfg.Poll = 10 * time.Millisecond
	eng, err := engine.New(db, cfg)
	fail(err)
	for n := range everyTypes {
		fail(eng.Register(everyKind(n, db)))
	}
	child := steps.Define[input](steps.Type("every:child"), steps.ResumeOnCrash(1<<20))
	steps.Do(child, "one", nothing)
	fail(eng.Register(child))
	fmt.Println("running")
	fail(eng.Run(context.Background()))
}

// A real process is killed repeatedly while it runs jobs with each kind of step: each job
// ends as it would have without that, each effect is there, and the one that is in a
// transaction is there once.
func TestJobsWithEveryKindOfStepSurviveTheirProcess(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		rounds := 25
		if testing.Short() {
			rounds = 5
		}
		db := testdb.Open(t, text)
		makeEffects(t, db)
		_, err := db.NewRaw("CREATE TABLE notes (job CHAR(36) NOT NULL, what VARCHAR(50) NOT NULL)").Exec(t.Context())
		require.NoError(t, err)
		eng := newEngine(t, db, config())
		var ids []uuid.UUID
		for n := range 2 * everyTypes {
			job := enqueue(t, eng, engine.RawInput{Type: everyType(n % everyTypes), Input: fmt.Appendf(nil, `{"n":%d}`, n/everyTypes)})
			_, err := eng.Signal(t.Context(), job.ID, "approve", "yes", "the test")
			require.NoError(t, err)
			ids = append(ids, job.ID)
		}
		for range rounds {
			kill := startProcess(t, everyVariable, text)
			time.Sleep(rand.N(150 * time.Millisecond)) // the moment is random
			kill()
			expireLeases(t, db)
		}
		// If a child's process died between the child's end and the wake-up of its parent,
		// the parent checks by itself after a while: now.
		_, err = db.NewRaw("UPDATE job_system_jobs SET scheduled_at = created_at WHERE status = 'scheduled'").Exec(t.Context())
		require.NoError(t, err)
		defer startProcess(t, everyVariable, text)()
		for n, id := range ids {
			checkEvery(t, eng, db, ended(t, eng, id), n/everyTypes)
		}
		assert.Len(t, readEffects(t, db), len(ids))
		for id, n := range readEffects(t, db) {
			assert.Equal(t, 1, n, id)
		}
	})
}

// checkEvery checks one of the jobs by what is in the database.
func checkEvery(t *testing.T, eng *engine.Engine, db *bun.DB, s *model.JobView, n int) {
	t.Helper()
	want := model.Succeeded
	if n%2 == 1 {
		want = model.Failed
	}
	require.Equal(t, want, s.Status, "%s: %+v", s.Error, s.Steps)
	var distinct []string
	require.NoError(t, db.NewRaw("SELECT DISTINCT what FROM notes WHERE job = ?", s.ID.String()).Scan(t.Context(), &distinct))
	assert.Len(t, distinct, everyItems+3+n%2, "reserve, left, right, and the undoing of a job that fails")
	children, err := eng.List(t.Context(), engine.Filter{Parent: s.ID})
	require.NoError(t, err)
	assert.Len(t, children, 2)
	for _, child := range children {
		assert.Equal(t, model.Succeeded, child.Status, child.Error)
	}
	for _, step := range s.Steps {
		switch {
		case step.Name == "never":
			assert.Equal(t, model.StepSkipped, step.Status)
		case step.Name == "reserve" && n%2 == 1:
			assert.Equal(t, model.StepUndone, step.Status)
		case step.Name == "last" && n%2 == 1:
			assert.Equal(t, model.StepFailed, step.Status)
		default:
			assert.Equal(t, model.StepCompleted, step.Status, step.Name)
		}
		if step.Name == "approve" {
			assert.Equal(t, "the test", step.SentBy)
		}
	}
}
