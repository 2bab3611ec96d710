package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// approval is the payload of the signal that the tests' jobs wait for.
type approval struct {
	OK bool `json:"ok"`
}

// awaiting is a definition that waits for an approval and ends with it.
func awaiting(opts ...steps.Option) *steps.Definition[input] {
	d := steps.Define[input]()
	steps.Do(d, "prepare", nothing)
	approved := steps.AwaitSignal[input, approval](d, "approve", opts...)
	steps.Add(d, "act", func(_ context.Context, run *steps.Run[input]) (bool, error) { return approved.Output(run).OK, nil })
	return d
}

// unasked is config for engines that do not poll by themselves while a test lasts, for
// tests of what makes a job continue.
func unasked() engine.Config {
	c := config()
	c.Poll = time.Hour
	return c
}

// waits waits until a job waits for something.
func waits(t *testing.T, eng *engine.Engine, id uuid.UUID) *model.JobView {
	t.Helper()
	return until(t, eng, id, func(s *model.JobView) bool { return s.Status == model.Scheduled && s.WaitsFor != "" })
}

func signal(t *testing.T, eng *engine.Engine, id uuid.UUID, payload any, by string) {
	t.Helper()
	_, err := eng.Signal(t.Context(), id, "approve", payload, by)
	require.NoError(t, err)
}

func TestAJobThatAwaitsASignalHoldsNothingAndContinuesWithIt(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), awaiting())
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := waits(t, eng, job.ID)
		assert.Equal(t, `the signal "approve"`, s.WaitsFor)
		assert.True(t, s.WaitsUntil.IsZero())
		assert.True(t, s.ScheduledAt.IsZero(), "it is due at no time")
		assert.Empty(t, s.Owner)
		assert.Equal(t, "approve", s.CurrentStep)
		assert.Equal(t, model.StepWaiting, s.Steps[1].Status)
		other := enqueue(t, eng, input{N: 1})
		waits(t, eng, other.ID) // its type was free for it

		sent, err := eng.Signal(t.Context(), job.ID, "approve", approval{true}, "ann")
		require.NoError(t, err)
		assert.False(t, sent.Existing)
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `true`, string(s.Result))
		assert.JSONEq(t, `{"ok":true}`, string(s.Steps[1].Output))
		assert.Equal(t, "ann", s.Steps[1].SentBy)
		assert.Equal(t, sent.SentAt, s.Steps[1].SentAt)
		assert.Equal(t, 1, s.Steps[1].Attempts)
		assert.Empty(t, s.WaitsFor)
		assert.Equal(t, model.Scheduled, waits(t, eng, other.ID).Status, "the signal was not its")
	})
}

// The engine makes no calls to the database for a job that waits: once it is idle, it stays
// so.
func TestAWaitingJobCostsNothing(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var calls atomic.Int64
		db := openSpied(t, text, func(wire.Call) { calls.Add(1) })
		eng := newEngine(t, db, unasked(), awaiting())
		start(t, eng)
		waits(t, eng, enqueue(t, eng, input{}).ID)
		const rest = 20 // readings of the counter without a change
		for deadline, still, last := time.Now().Add(patience), 0, int64(-1); still < rest; still++ {
			require.True(t, time.Now().Before(deadline), "the database is asked without end")
			time.Sleep(5 * time.Millisecond)
			if n := calls.Load(); n != last {
				still, last = 0, n
			}
		}
	})
}

func TestASignalThatComesBeforeItsStepIsKept(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), awaiting())
		job := enqueue(t, eng, input{})
		signal(t, eng, job.ID, approval{true}, "ann")
		start(t, eng)
		s := ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, "ann", s.Steps[1].SentBy)
		assert.EqualValues(t, 1, s.Attempt, "it never had to wait")
	})
}

// The signal comes after the job was claimed without it, and before the run begins to wait:
// the write with which the wait begins finds it.
func TestASignalToAProcessingJobWakesItWhenItBeginsToWait(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, release := make(chan struct{}), make(chan struct{})
		d := steps.Define[input]()
		steps.Do(d, "prepare", func(context.Context, *steps.Run[input]) error { close(begun); <-release; return nil })
		steps.AwaitSignal[input, approval](d, "approve")
		eng := newEngine(t, db, unasked(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		receive(t, begun)
		signal(t, eng, job.ID, approval{true}, "ann")
		close(release)
		s := ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.EqualValues(t, 2, s.Attempt)
	})
}

// JSON's null and other values can come from other programs, and are no signals.
func TestAJobWaitsWhateverOtherProgramsHaveWrittenAsItsSignals(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), awaiting())
		job := enqueue(t, eng, input{})
		_, err := db.NewRaw("UPDATE job_system_jobs SET signals = 'null' WHERE id = ?", job.ID.String()).Exec(t.Context())
		require.NoError(t, err)
		start(t, eng)
		waits(t, eng, job.ID)
		signal(t, eng, job.ID, approval{true}, "ann")
		s := ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
	})
}

func TestASignalThatRacesWithTheBeginOfTheWaitIsNeverLost(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun := make(chan uuid.UUID, 1)
		d := steps.Define[input]()
		steps.Do(d, "prepare", func(_ context.Context, run *steps.Run[input]) error { begun <- run.Job().ID; return nil })
		steps.AwaitSignal[input, approval](d, "approve")
		eng := newEngine(t, db, unasked(), d)
		start(t, eng)
		for range 25 {
			job := enqueue(t, eng, input{})
			signal(t, eng, receive(t, begun), approval{true}, "ann")
			require.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
		}
	})
}

func TestOfManySignalsAtOnceTheFirstCounts(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), awaiting())
		start(t, eng)
		job := enqueue(t, eng, input{})
		waits(t, eng, job.ID)
		const crowd = 50
		var mu sync.Mutex
		var all sync.WaitGroup
		firsts, senders, late := 0, make(map[string]bool), 0
		for i := range crowd {
			all.Go(func() {
				sent, err := eng.Signal(t.Context(), job.ID, "approve", approval{true}, fmt.Sprint("sender-", i))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case errors.Is(err, engine.ErrStatus):
					late++ // the job had ended with the first one already
				case assert.NoError(t, err):
					senders[sent.SentBy] = true
					if !sent.Existing {
						firsts++
					}
				}
			})
		}
		all.Wait()
		assert.Equal(t, 1, firsts)
		assert.Len(t, senders, 1, "all get the same one")
		s := ended(t, eng, job.ID)
		assert.True(t, senders[s.Steps[1].SentBy])
		assert.Less(t, late, crowd)
	})
}

func TestAResumeFromBeforeAnApprovalAsksForAnotherOne(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := awaiting()
		steps.Do(d, "fail", func(context.Context, *steps.Run[input]) error { return errBoom })
		eng := newEngine(t, db, unasked(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		signal(t, eng, job.ID, approval{true}, "ann")
		assert.Equal(t, model.Failed, ended(t, eng, job.ID).Status)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		assert.Equal(t, model.Failed, ended(t, eng, job.ID).Status, "a plain resume keeps the approval")
		require.NoError(t, eng.Resume(t.Context(), job.ID, engine.RerunFrom("prepare")))
		waits(t, eng, job.ID)
		signal(t, eng, job.ID, approval{false}, "bob")
		s := ended(t, eng, job.ID)
		assert.Equal(t, "bob", s.Steps[1].SentBy)
		assert.JSONEq(t, `false`, string(s.Steps[2].Output))
	})
}

func TestAWaitThatTimesOutFailsAndAResumeWaitsAgain(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), awaiting(steps.Timeout(50*time.Millisecond)))
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "approve": timed out: no signal came within 50ms`, s.Error)
		require.ErrorIs(t, func() error { _, err := eng.Signal(t.Context(), job.ID, "approve", nil, ""); return err }(), engine.ErrStatus)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Contains(t, s.Error, "no signal came within 50ms")
		assert.Equal(t, 2, s.Steps[1].Attempts)
	})
}

func TestARestartDropsSignals(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), awaiting())
		job := enqueue(t, eng, input{})
		signal(t, eng, job.ID, approval{true}, "ann")
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "", ""))
		require.NoError(t, eng.Restart(t.Context(), job.ID))
		start(t, eng)
		waits(t, eng, job.ID)
	})
}

func TestCancelAndDeleteOfAWaitingJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), awaiting(steps.Timeout(time.Hour)))
		start(t, eng)
		job := enqueue(t, eng, input{})
		first := waits(t, eng, job.ID)
		assert.False(t, first.WaitsUntil.IsZero())
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", "no"))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Equal(t, model.StepCancelled, s.Steps[1].Status)
		assert.Empty(t, s.WaitsFor)
		_, err := eng.Signal(t.Context(), job.ID, "approve", nil, "")
		assert.ErrorIs(t, err, engine.ErrStatus)

		require.NoError(t, eng.Resume(t.Context(), job.ID))
		again := until(t, eng, job.ID, func(s *model.JobView) bool { return s.WaitsFor != "" })
		assert.True(t, again.WaitsUntil.After(first.WaitsUntil.Time), "the whole timeout begins again")
		require.NoError(t, eng.Delete(t.Context(), job.ID))
		_, err = eng.Signal(t.Context(), job.ID, "approve", nil, "")
		assert.ErrorIs(t, err, engine.ErrStatus)
		assert.ErrorContains(t, err, "waits for nothing more")
	})
}

func TestWhatCannotBeASignalIsRejectedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), awaiting())
		job := enqueue(t, eng, input{})
		for name, call := range map[string]func() (*model.Signal, error){
			"is empty": func() (*model.Signal, error) { return eng.Signal(t.Context(), job.ID, "", nil, "") },
			"longer than 255": func() (*model.Signal, error) {
				return eng.Signal(t.Context(), job.ID, "x", nil, strings.Repeat("x", 256))
			},
			"unsupported type": func() (*model.Signal, error) { return eng.Signal(t.Context(), job.ID, "x", func() {}, "") },
			"more than the bound of 6553": func() (*model.Signal, error) {
				return eng.Signal(t.Context(), job.ID, "x", strings.Repeat("x", 70000), "")
			},
			"NUL": func() (*model.Signal, error) { return eng.Signal(t.Context(), job.ID, "x", "\x00", "") },
		} {
			_, err := call()
			assert.ErrorIs(t, err, engine.ErrInvalid)
			assert.ErrorContains(t, err, name)
		}
		_, err := eng.Signal(t.Context(), uuid.New(), "approve", nil, "")
		assert.ErrorIs(t, err, engine.ErrNotFound)
		row, err := eng.Job(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Empty(t, row.Signals)
		cfg := config()
		cfg.Limits.Signals = 100
		stranger := newEngine(t, db, cfg) // does not know which signals the job waits for
		for i := range 100 {
			_, err := stranger.Signal(t.Context(), job.ID, fmt.Sprint("signal-", i), nil, "")
			require.NoError(t, err)
		}
		_, err = stranger.Signal(t.Context(), job.ID, "approve", nil, "")
		assert.ErrorContains(t, err, "it has 100 signals")
	})
}

func TestASignalInACallersTransactionTakesEffectWithItsCommit(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), awaiting())
		stop := start(t, eng)
		job := enqueue(t, eng, input{})
		waits(t, eng, job.ID)
		stop()
		err := db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := eng.WithTx(tx).Signal(ctx, job.ID, "approve", approval{false}, "bob")
			require.NoError(t, err)
			return errBoom
		})
		require.ErrorIs(t, err, errBoom)
		require.NoError(t, db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := eng.WithTx(tx).Signal(ctx, job.ID, "approve", approval{true}, "ann")
			return err
		}))
		later := newEngine(t, db, config(), awaiting())
		start(t, later)
		s := ended(t, later, job.ID)
		assert.Equal(t, "ann", s.Steps[1].SentBy)
		assert.JSONEq(t, `true`, string(s.Result))
	})
}

func TestASignalReachesAnotherProcessesEngineByNotification(t *testing.T) {
	t.Parallel()
	text := testdb.DSN(t, testdb.Postgres)
	cfg, l := notifiedOnly(t, text)
	eng := newEngine(t, testdb.Open(t, text), cfg, awaiting())
	start(t, eng)
	receive(t, l.ready)
	db := testdb.Open(t, text)
	other := newEngine(t, db, config())
	job := enqueue(t, other, input{})
	waits(t, other, job.ID)
	signal(t, other, job.ID, approval{true}, "ann")
	assert.Equal(t, model.Succeeded, ended(t, other, job.ID).Status)

	job = enqueue(t, other, input{})
	waits(t, other, job.ID)
	require.NoError(t, db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := other.WithTx(tx).Signal(ctx, job.ID, "approve", nil, "")
		return err
	}))
	assert.Equal(t, model.Succeeded, ended(t, other, job.ID).Status)
}

// While a job waits, its step is renamed: a signal of either name is found.
func TestASignalFindsAStepThatWasRenamed(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for _, name := range []string{"approve", "confirm"} {
			before := newEngine(t, db, config(), awaiting())
			stop := start(t, before)
			job := enqueue(t, before, input{})
			waits(t, before, job.ID)
			stop()
			renamed := steps.Define[input]()
			steps.Do(renamed, "prepare", nothing)
			steps.AwaitSignal[input, approval](renamed, "confirm", steps.WasNamed("approve"))
			after := newEngine(t, db, unasked(), renamed)
			stop = start(t, after)
			_, err := after.Signal(t.Context(), job.ID, name, approval{true}, "ann")
			require.NoError(t, err)
			s := ended(t, after, job.ID)
			stop()
			assert.Equal(t, model.Succeeded, s.Status, s.Error)
			assert.Equal(t, "ann", s.Steps[1].SentBy)
		}
	})
}

// A step of the job was recorded under a newer version of it than this process knows, and so
// may the type of the signal be newer: the engine that runs the job checks the payload.
func TestASignalIsNotCheckedByAnOlderVersionOfTheDefinition(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		old := steps.Define[input]()
		steps.Add(old, "prepare", func(context.Context, *steps.Run[input]) (string, error) { return "1", nil })
		steps.AwaitSignal[input, int](old, "approve")
		current := steps.Define[input]()
		steps.Add(current, "prepare", func(context.Context, *steps.Run[input]) (int, error) { return 1, nil }, steps.Version(1))
		steps.AwaitSignal[input, string](current, "approve")
		older, newer := newEngine(t, db, unasked(), old), newEngine(t, db, unasked(), current)
		job := enqueue(t, newer, input{})
		_, err := older.Signal(t.Context(), job.ID, "approve", "yes", "ann")
		require.ErrorIs(t, err, engine.ErrInvalid, "no other version has worked on the job")
		assert.ErrorContains(t, err, `the payload does not fit step "approve"`)

		start(t, newer)
		waits(t, newer, job.ID)
		_, err = older.Signal(t.Context(), job.ID, "approve", "yes", "ann")
		require.NoError(t, err)
		newer.Wake()
		s := ended(t, newer, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `"yes"`, string(s.Result))
	})
}
