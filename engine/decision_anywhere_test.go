package engine_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// pausing is a job whose middle step waits until it is released, with an error if there is
// one. Its first step can be undone; its last one must not run.
type pausing struct {
	begun   chan uuid.UUID
	release chan error
	log     diary
}

func newPausing() *pausing { return &pausing{begun: make(chan uuid.UUID), release: make(chan error)} }

func (p *pausing) definition(opts ...steps.DefineOption) *steps.Definition[input] {
	d := steps.Define[input](opts...)
	undoable(d, &p.log, "reserve", willing)
	steps.Do(d, "pause", func(ctx context.Context, run *steps.Run[input]) error {
		p.begun <- run.Job().ID
		select {
		case err := <-p.release:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	steps.Do(d, "last", func(context.Context, *steps.Run[input]) error { p.log.write("last"); return nil })
	return d
}

// declareVia are the ways to say how a job ends that another engine runs.
func declareVia(t *testing.T, dsn string) map[string]*engine.Client {
	running := newEngine(t, testdb.Open(t, dsn), unasked(), one("test:other", nothing))
	start(t, running)
	return map[string]*engine.Client{
		"an engine that does not run":              &newEngine(t, testdb.Open(t, dsn), unasked()).Client,
		"another engine that runs, in the process": &running.Client,
	}
}

func TestAJobIsDeclaredToEndFromAnywhere(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, dsn string) {
		p := newPausing()
		db := testdb.Open(t, dsn)
		eng := newEngine(t, db, unasked(), p.definition())
		start(t, eng)
		for name, client := range declareVia(t, dsn) {
			id := enqueue(t, eng, input{}).ID
			receive(t, p.begun)
			require.NoError(t, client.Succeed(t.Context(), id, map[string]int{"rows": 3}), name)
			s, err := client.Status(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, []any{model.Processing, model.Succeeded}, []any{s.Status, s.Declared}, "its step has not returned")
			p.release <- nil
			s = ended(t, eng, id)
			assert.Equal(t, []any{model.Succeeded, "", "declared succeeded", 1.0}, []any{s.Status, s.Error, s.Message, s.Progress}, name)
			assert.JSONEq(t, `{"rows":3}`, string(s.Result))
			assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepCompleted, model.StepSkipped}, statuses(s))

			id = enqueue(t, eng, input{}).ID
			receive(t, p.begun)
			require.NoError(t, client.Fail(t.Context(), id, "no stock", []string{"detail"}), name)
			p.release <- errBoom
			s = ended(t, eng, id)
			assert.Equal(t, []any{model.Failed, "no stock", "declared failed", model.Failed}, []any{s.Status, s.Error, s.Message, s.Declared}, name)
			assert.JSONEq(t, `["detail"]`, string(s.Result))
			assert.Equal(t, []model.StepStatus{model.StepUndone, model.StepFailed, model.StepPending}, statuses(s))
			assert.Equal(t, "reserve reserve -reserve", p.log.read())

			require.NoError(t, eng.Resume(t.Context(), id))
			receive(t, p.begun)
			s, err = client.Status(t.Context(), id)
			require.NoError(t, err)
			assert.Empty(t, s.Declared, "a resume continues the job")
			p.release <- nil
			require.Equal(t, model.Succeeded, ended(t, eng, id).Status)
			assert.Equal(t, "reserve last", p.log.read())
		}
		sound(t, db)
	})
}

func TestADecisionIsPartOfTheCallersTransaction(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		p := newPausing()
		eng := newEngine(t, db, config(), p.definition())
		start(t, eng)
		id := enqueue(t, eng, input{}).ID
		receive(t, p.begun)
		inTx := func(end error, decide func(*engine.Client) error) error {
			return db.RunInTx(t.Context(), nil, func(_ context.Context, tx bun.Tx) error {
				require.NoError(t, decide(eng.WithTx(tx)))
				return end
			})
		}
		require.ErrorIs(t, inTx(errBoom, func(c *engine.Client) error { return c.Succeed(t.Context(), id, nil) }), errBoom)
		require.NoError(t, inTx(nil, func(c *engine.Client) error { return c.Fail(t.Context(), id, "committed", nil) }))
		p.release <- nil
		s := ended(t, eng, id)
		assert.Equal(t, []any{model.Failed, "committed"}, []any{s.Status, s.Error})
	})
}

func TestTheFirstDecisionCounts(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		p := newPausing()
		eng := newEngine(t, db, config(), p.definition())
		start(t, eng)
		id := enqueue(t, eng, input{}).ID
		receive(t, p.begun)
		require.NoError(t, eng.Fail(t.Context(), id, "first", nil))
		require.NoError(t, eng.Fail(t.Context(), id, "second", nil), "it is decided")
		err := eng.Succeed(t.Context(), id, nil)
		require.ErrorIs(t, err, engine.ErrStatus)
		require.ErrorContains(t, err, "it was declared failed already")
		p.release <- nil
		s := ended(t, eng, id)
		assert.Equal(t, []any{model.Failed, "first"}, []any{s.Status, s.Error})

		for _, decide := range []func() error{
			func() error { return eng.Fail(t.Context(), id, "", nil) },
			func() error {
				return eng.Succeed(t.Context(), enqueue(t, eng, input{}, engine.At(time.Now().Add(time.Hour))).ID, nil)
			},
		} {
			assert.ErrorIs(t, decide(), engine.ErrStatus, "it has ended, or does not run")
		}
		assert.ErrorIs(t, eng.Fail(t.Context(), uuid.New(), "", nil), engine.ErrNotFound)
	})
}

func TestADecisionAndACancelOfOneJob(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		p := newPausing()
		release := make(chan error)
		d := steps.Define[input]()
		steps.Do(d, "ignores", func(_ context.Context, run *steps.Run[input]) error { p.begun <- run.Job().ID; return <-release })
		eng := newEngine(t, db, config(), d)
		other := newEngine(t, db, config())
		start(t, eng)
		for _, c := range []struct {
			name    string
			succeed bool
			returns error
			want    model.Status
		}{
			{"declared succeeded, and its step returns nil", true, nil, model.Succeeded},
			{"declared succeeded, and its step returns an error", true, errBoom, model.Cancelled},
			{"declared failed, and its step returns nil", false, nil, model.Cancelled},
			{"declared failed, and its step returns an error", false, errBoom, model.Cancelled},
		} {
			for _, cancelFirst := range []bool{true, false} {
				id := enqueue(t, eng, input{}).ID
				receive(t, p.begun)
				cancel := func() { require.NoError(t, other.Cancel(t.Context(), id, "ann", "")) }
				if cancelFirst {
					cancel()
				}
				if c.succeed {
					require.NoError(t, other.Succeed(t.Context(), id, nil))
				} else {
					require.NoError(t, other.Fail(t.Context(), id, "no", nil))
				}
				if !cancelFirst {
					cancel()
				}
				release <- c.returns
				assert.Equal(t, c.want, ended(t, eng, id).Status, c.name)
			}
		}
		sound(t, db)
	})
}

// The engine that ran the job stops, and hands it over, before the step has returned.
func TestADecisionHoldsWhenTheJobIsHandedOver(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, dsn string) {
		p := newPausing()
		db := testdb.Open(t, dsn)
		first := newEngine(t, testdb.Open(t, dsn), config(), p.definition())
		stop := start(t, first)
		id := enqueue(t, first, input{}).ID
		receive(t, p.begun)
		other := newEngine(t, db, config())
		require.NoError(t, other.Fail(t.Context(), id, "no stock", "result"))
		stop()
		s, err := other.Status(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, []any{model.Scheduled, model.Failed}, []any{s.Status, s.Declared})
		require.NoError(t, other.Fail(t.Context(), id, "no stock", "result"), "it is decided")
		require.ErrorIs(t, other.Delete(t.Context(), id), engine.ErrStatus, "it has steps to undo")

		start(t, newEngine(t, testdb.Open(t, dsn), config(), p.definition()))
		s = ended(t, other, id)
		assert.Equal(t, []any{model.Failed, "no stock"}, []any{s.Status, s.Error})
		assert.JSONEq(t, `"result"`, string(s.Result))
		assert.Equal(t, "reserve -reserve", p.log.read())
		sound(t, db)
	})
}

// The process dies before it has seen the decision.
func TestADecisionHoldsWhenTheProcessDies(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for _, resumes := range []int{0, 1} {
			for _, succeeds := range []bool{true, false} {
				var log diary
				begun, hold := make(chan struct{}), make(chan struct{})
				d := steps.Define[input](steps.ResumeOnCrash(resumes))
				undoable(d, &log, "reserve", willing)
				steps.Do(d, "hangs", func(context.Context, *steps.Run[input]) error { close(begun); <-hold; return nil })
				steps.Do(d, "last", func(context.Context, *steps.Run[input]) error { log.write("last"); return nil })
				cfg := config()
				cfg.Grace = patience
				victim := newEngine(t, db, cfg, d)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- victim.Run(ctx) }()
				id := enqueue(t, victim, input{}).ID
				receive(t, begun)
				cancel()

				other := newEngine(t, db, config(), d)
				if succeeds {
					require.NoError(t, other.Succeed(t.Context(), id, "decided"))
				} else {
					require.NoError(t, other.Fail(t.Context(), id, "no stock", "decided"))
				}
				expireLeases(t, db)
				stop := start(t, other)
				s := ended(t, other, id)
				assert.JSONEq(t, `"decided"`, string(s.Result))
				switch {
				case succeeds:
					assert.Equal(t, []any{model.Succeeded, "", 1.0}, []any{s.Status, s.Error, s.Progress})
					assert.Equal(t, model.StepSkipped, s.Steps[2].Status)
					assert.Equal(t, "reserve", log.read())
				case resumes == 0: // as after any crash, a person resumes it to undo its steps
					assert.Equal(t, model.Failed, s.Status)
					assert.Contains(t, s.Error, "no stock; interrupted")
					assert.Contains(t, s.Error, "resume it to undo them")
					require.NoError(t, other.Resume(t.Context(), id))
					s = ended(t, other, id)
					fallthrough
				default:
					assert.Equal(t, []any{model.Failed, "no stock"}, []any{s.Status, s.Error})
					assert.Equal(t, "reserve -reserve", log.read())
				}
				stop()
				close(hold)
				require.NoError(t, receive(t, done))
				sound(t, db)
			}
		}
	})
}

// No attempt follows a decision, and the job does not wait until it is due.
func TestADecisionEndsTheWaitForAnotherAttempt(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		cfg := config()
		cfg.RetryInPlace = 2 * time.Hour
		d := steps.Define[input]()
		steps.Do(d, "fails", func(context.Context, *steps.Run[input]) error { return errBoom }, steps.Retry(5, time.Hour))
		eng := newEngine(t, db, cfg, d)
		other := newEngine(t, db, cfg)
		start(t, eng)
		id := enqueue(t, eng, input{}).ID
		until(t, eng, id, func(s *model.JobView) bool { return s.WaitsFor != "" })
		require.NoError(t, other.Fail(t.Context(), id, "enough", nil))
		s := ended(t, eng, id)
		assert.Equal(t, []any{model.Failed, "enough", 1}, []any{s.Status, s.Error, s.Steps[0].Attempts})
	})
}

// A step in a transaction decides with the transaction, so that both commit or neither.
func TestAStepInATransactionDeclaresHowItsJobEnds(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		var alone error
		d := steps.Define[input]()
		steps.InTx(d, "decides", func(ctx context.Context, tx steps.Tx, run *steps.Run[input]) (string, error) {
			if db.Dialect().Name() == dialect.SQLite {
				alone = eng.Succeed(ctx, run.Job().ID, nil)
			}
			if err := eng.WithTx(tx).Fail(ctx, run.Job().ID, "no stock", nil); err != nil {
				return "", err
			}
			if run.Input().N > 0 {
				return "", errBoom
			}
			return "kept", nil
		})
		steps.Do(d, "last", func(context.Context, *steps.Run[input]) error { return nil })
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, []any{model.Failed, "no stock", model.StepCompleted, model.StepPending}, []any{s.Status, s.Error, s.Steps[0].Status, s.Steps[1].Status})
		if alone != nil {
			assert.ErrorContains(t, alone, "use WithTx with its transaction")
		}
		s = ended(t, eng, enqueue(t, eng, input{N: 1}).ID)
		assert.Equal(t, []any{model.Failed, `step "decides": boom`}, []any{s.Status, s.Error}, "the decision was rolled back")
	})
}

func TestADecisionIsRedacted(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		p := newPausing()
		cfg := config()
		cfg.Redact = func(model.Value) json.RawMessage { return nil }
		eng := newEngine(t, db, cfg, p.definition())
		start(t, eng)
		id := enqueue(t, eng, input{}).ID
		receive(t, p.begun)
		require.NoError(t, eng.Fail(t.Context(), id, "because of s3cr3t", "s3cr3t"))
		seen := func() {
			row, err := eng.Redacted().Job(t.Context(), id)
			require.NoError(t, err)
			raw, err := json.Marshal(row)
			require.NoError(t, err)
			assert.NotContains(t, string(raw), "s3cr3t")
			assert.Contains(t, string(row.Decision), "because of "+model.Hidden)
		}
		seen()
		p.release <- nil
		ended(t, eng, id)
		seen()
	})
}

// The row of a running job was marked as deleted by hand: it can still be told to end.
func TestARunningJobThatIsMarkedAsDeletedCanBeDecidedAboutAndCancelled(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		p := newPausing()
		eng := newEngine(t, db, config(), p.definition())
		other := newEngine(t, db, config())
		start(t, eng)
		for want, ask := range map[model.Status]func(uuid.UUID) error{
			model.Cancelled: func(id uuid.UUID) error { return other.Cancel(t.Context(), id, "ann", "") },
			model.Failed:    func(id uuid.UUID) error { return other.Fail(t.Context(), id, "no", nil) },
		} {
			id := enqueue(t, eng, input{}).ID
			receive(t, p.begun)
			_, err := db.NewRaw("UPDATE job_system_jobs SET deleted_at = created_at WHERE id = ?", id.String()).Exec(t.Context())
			require.NoError(t, err)
			require.NoError(t, ask(id))
			if want == model.Failed {
				p.release <- nil
			}
			assert.Equal(t, want, ended(t, eng, id).Status)
		}
	})
}
