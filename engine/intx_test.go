package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// effectStep adds a step that writes an effect in its transaction, and then returns what
// then returns.
func effectStep(d steps.Scope[input], name string, then func(context.Context, steps.Tx, *steps.Run[input]) error, opts ...steps.Option) {
	steps.InTx(d, name, func(ctx context.Context, tx steps.Tx, run *steps.Run[input]) (string, error) {
		if err := addEffect(ctx, tx, run.Job().ID); err != nil {
			return "", err
		}
		return name, then(ctx, tx, run)
	}, opts...)
}

func fine(context.Context, steps.Tx, *steps.Run[input]) error { return nil }

func TestAStepInATransactionHasItsEffectAndItsRecordTogether(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		makeEffects(t, db)
		var healthy atomic.Bool
		d := steps.Define[input]()
		effectStep(d, "first", fine)
		steps.Do(d, "between", func(context.Context, *steps.Run[input]) error {
			if !healthy.Load() {
				return errBoom
			}
			return nil
		})
		effectStep(d, "last", fine)
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		require.Equal(t, `step "between": boom`, s.Error)
		assert.Equal(t, 1, readEffects(t, db)[job.ID])
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, 2, readEffects(t, db)[job.ID])
		assert.JSONEq(t, `"last"`, string(s.Result))
		assert.Equal(t, 1.0, s.Progress)
	})
}

func TestAStepInATransactionThatDoesNotCompleteIsRolledBack(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		then   func(context.Context, steps.Tx, *steps.Run[input]) error
		status model.Status
		text   string
	}{
		"an error":      {func(context.Context, steps.Tx, *steps.Run[input]) error { return errBoom }, model.Failed, "boom"},
		"a panic":       {func(context.Context, steps.Tx, *steps.Run[input]) error { panic("no more") }, model.Failed, "no more"},
		"a forged loss": {func(context.Context, steps.Tx, *steps.Run[input]) error { return engine.ErrLeaseLost }, model.Failed, "lease lost"},
		"its timeout": {func(ctx context.Context, _ steps.Tx, _ *steps.Run[input]) error {
			if _, ok := ctx.Deadline(); ok {
				<-ctx.Done()
			}
			return nil // as if nothing had happened
		}, model.Failed, "timed out"},
		"a checkpoint": {func(ctx context.Context, _ steps.Tx, run *steps.Run[input]) error {
			return run.Checkpoint(ctx, 1)
		}, model.Failed, "as a whole or not at all"},
		"a rejected statement": {func(ctx context.Context, tx steps.Tx, _ *steps.Run[input]) error {
			_, err := tx.NewRaw("INSERT INTO nowhere (a) VALUES (1)").Exec(ctx)
			return err
		}, model.Failed, "nowhere"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				makeEffects(t, db)
				d := steps.Define[input]()
				var opts []steps.Option
				if name == "its timeout" {
					opts = append(opts, steps.Timeout(50*time.Millisecond))
				}
				effectStep(d, "effect", c.then, opts...)
				steps.Do(d, "after", nothing)
				eng := newEngine(t, db, config(), d)
				start(t, eng)
				job := enqueue(t, eng, input{})
				s := ended(t, eng, job.ID)
				assert.Equal(t, c.status, s.Status)
				assert.Contains(t, s.Error, c.text)
				assert.Empty(t, readEffects(t, db))
				assert.Equal(t, model.StepFailed, s.Steps[0].Status)
				assert.Nil(t, s.Steps[0].Output)
				assert.Zero(t, s.Progress, "nothing of it has happened")
			})
		})
	}
}

func TestARolledBackStepIsRetried(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		makeEffects(t, db)
		d := steps.Define[input]()
		effectStep(d, "effect", func(_ context.Context, _ steps.Tx, run *steps.Run[input]) error {
			if run.Attempt() < 3 {
				return errBoom
			}
			return nil
		}, steps.Retry(3, time.Millisecond))
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, 1, readEffects(t, db)[job.ID])
		assert.Equal(t, 3, s.Steps[0].Attempts)
	})
}

// The step ignores that its context has ended, and returns no error.
func TestCancellingAStepInATransactionRollsItBack(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		makeEffects(t, db)
		var eng *engine.Engine
		d := steps.Define[input]()
		effectStep(d, "effect", func(ctx context.Context, tx steps.Tx, run *steps.Run[input]) error {
			// Within the transaction, since SQLite has no other connection.
			if err := eng.WithTx(tx).Cancel(ctx, run.Job().ID, "ann", ""); err != nil {
				return err
			}
			return nil
		})
		steps.Do(d, "after", nothing)
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Cancelled, s.Status, "the request was committed with the step, and ends the job before the next")
		assert.Equal(t, 1, readEffects(t, db)[job.ID])

		begun := make(chan struct{})
		d = steps.Define[input](steps.Type("waits"))
		effectStep(d, "effect", func(ctx context.Context, _ steps.Tx, _ *steps.Run[input]) error {
			close(begun)
			<-ctx.Done()
			return nil
		})
		other := newEngine(t, db, config(), d)
		stop := start(t, other)
		job = enqueue(t, other, raw("waits"))
		receive(t, begun)
		stop() // its grace period is short: the step is interrupted and the job handed over
		s, err := other.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status, s.Error)
		assert.Equal(t, model.StepInterrupted, s.Steps[0].Status)
		assert.Zero(t, s.Steps[0].Attempts, "being handed over costs none")
		assert.Zero(t, readEffects(t, db)[job.ID])
	})
}

// Another engine claims the job while the run's transaction is open.
func TestALostLeaseRollsAStepsTransactionBack(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		makeEffects(t, db)
		d := steps.Define[input]()
		tries := make(chan struct{}, 9)
		effectStep(d, "effect", func(ctx context.Context, tx steps.Tx, run *steps.Run[input]) error {
			tries <- struct{}{}
			_, err := tx.NewRaw("UPDATE job_system_jobs SET attempt = attempt + 1 WHERE id = ?", run.Job().ID.String()).Exec(ctx)
			return err
		}, steps.Retry(3, time.Millisecond))
		eng := newEngine(t, db, config(), d)
		stop := start(t, eng)
		job := enqueue(t, eng, input{})
		receive(t, tries)
		stop()
		assert.Empty(t, tries, "it is not tried again")
		assert.Empty(t, readEffects(t, db))
		expireLeases(t, db)
		start(t, newEngine(t, db, config(), three()))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "interrupted")
	})
}

func TestOtherJobsContinueDuringAStepInATransaction(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		makeEffects(t, db)
		d := steps.Define[input]()
		group := steps.Parallel(d, "both")
		for n := range 4 {
			effectStep(group, fmt.Sprint("effect-", n), func(_ context.Context, _ steps.Tx, run *steps.Run[input]) error {
				run.Progress(1, 2, "half of it")
				return nil
			})
			steps.Do(group, fmt.Sprint("plain-", n), func(ctx context.Context, run *steps.Run[input]) error {
				for i := range 10 {
					if err := run.Checkpoint(ctx, i); err != nil {
						return err
					}
				}
				return nil
			})
		}
		effectStep(d, "after", fine)
		eng := newEngine(t, db, config(), d, one("other", func(ctx context.Context, run *steps.Run[input]) error {
			return errors.Join(run.Checkpoint(ctx, 1), run.Checkpoint(ctx, 2))
		}))
		start(t, eng)
		for range 5 {
			job, other := enqueue(t, eng, input{}), enqueue(t, eng, raw("other"))
			s := ended(t, eng, job.ID)
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			assert.Equal(t, 5, readEffects(t, db)[job.ID])
			assert.Nil(t, s.Checkpoints)
			assert.Equal(t, model.Succeeded, ended(t, eng, other.ID).Status)
		}
	})
}

// A commit whose answer is lost is recognised if it took effect, and the step runs again if
// not; an engine that stops before it knows does not write over the record.
func TestALostAnswerToAStepsCommitDoublesNothing(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var network faults
		db := openHooked(t, text, &network)
		makeEffects(t, db)
		var ran atomic.Int32
		var arm func()
		d := steps.Define[input]()
		effectStep(d, "effect", func(context.Context, steps.Tx, *steps.Run[input]) error {
			if ran.Add(1) == 1 {
				arm()
			}
			return nil
		}, steps.Retry(2, time.Millisecond))
		steps.Do(d, "after", nothing)
		for name, tt := range map[string]struct {
			inject func(which func(wire.Call) bool)
			runs   int32
		}{
			"committed": {network.lose, 1},
			"not sent":  {network.fail, 2},
		} {
			ran.Store(0)
			arm = func() {
				first, _ := nth(1, isCommit)
				tt.inject(first)
			}
			eng := newEngine(t, db, config(), d)
			stop := start(t, eng)
			job := enqueue(t, eng, input{})
			s := ended(t, eng, job.ID)
			network.clear()
			stop()
			assert.Equal(t, model.Succeeded, s.Status, "%s: %s", name, s.Error)
			assert.Equal(t, tt.runs, ran.Load(), name)
			assert.Equal(t, 1, readEffects(t, db)[job.ID], name)
		}

		ran.Store(0)
		lost := make(chan struct{}, 1000)
		arm = func() {
			network.lose(func(call wire.Call) bool {
				if isCommit(call) {
					lost <- struct{}{}
				}
				return isCommit(call)
			})
		}
		eng := newEngine(t, db, config(), d)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- eng.Run(ctx) }()
		job := enqueue(t, eng, input{})
		receive(t, lost)
		cancel()
		for range 3 {
			receive(t, lost) // it asks, and gets no answer
		}
		network.clear()
		require.NoError(t, receive(t, done))
		assert.Equal(t, 1, readEffects(t, db)[job.ID])
		start(t, newEngine(t, db, config(), d))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.EqualValues(t, 1, ran.Load())
		assert.Equal(t, 1, readEffects(t, db)[job.ID])
	})
}

// The process dies between the commit of the last step and the job's end.
func TestAJobEndsWithTheOutputOfALastStepThatCommittedByItself(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		makeEffects(t, db)
		d := steps.Define[input]()
		effectStep(d, "last", fine)
		eng := newEngine(t, db, config(), d)
		job := enqueue(t, eng, input{})
		data := model.Data{Input: []byte(`{"n":0}`), Steps: []model.StepRecord{{Name: "last", Status: model.StepCompleted, Weight: 1, Output: []byte(`"last"`)}}}
		text, err := data.JSON()
		require.NoError(t, err)
		_, err = db.NewRaw("UPDATE job_system_jobs SET data = ? WHERE id = ?", string(text), job.ID.String()).Exec(t.Context())
		require.NoError(t, err)
		start(t, eng)
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `"last"`, string(s.Result))
		assert.Empty(t, readEffects(t, db))
	})
}
