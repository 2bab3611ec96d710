package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The host's code is called before the job's row is locked: on SQLite it would wait for
// ever for the single connection.
func TestADefinitionMayReadTheDatabaseWhenASignalIsSent(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), steps.DefineFunc(func(input) (*steps.Definition[input], error) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_, err := db.NewSelect().Model((*model.Job)(nil)).Count(ctx)
			return awaiting(), err
		}))
		start(t, eng)
		job := enqueue(t, eng, input{})
		waits(t, eng, job.ID)
		signal(t, eng, job.ID, approval{true}, "ann")
		require.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
		_, err := eng.Signal(t.Context(), enqueue(t, eng, input{}).ID, "approve", "yes", "bob")
		assert.ErrorIs(t, err, engine.ErrInvalid)
	})
}

// A job that another version of the definition runs may accept a signal that this one
// rejects.
func TestASignalToAJobOfAnotherVersionIsNotChecked(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		other := steps.Define[input]()
		steps.AwaitSignal[input, int](other, "approve")
		runs, sends := newEngine(t, db, unasked(), awaiting()), newEngine(t, db, unasked(), other)
		start(t, runs)
		job := enqueue(t, runs, input{})
		waits(t, runs, job.ID)
		signal(t, sends, job.ID, approval{true}, "ann")
		runs.Wake()
		assert.Equal(t, model.Succeeded, ended(t, runs, job.ID).Status)
	})
}

// A definition that has all steps of a job's plan, or declares what became of them, is not
// older: what it says of a signal counts, also before any of its engines has run the job.
func TestASignalAfterADeployIsJudgedByTheNewDefinition(t *testing.T) {
	t.Parallel()
	for name, now := range map[string]func() *steps.Definition[input]{
		"a step appended": func() *steps.Definition[input] {
			d := awaiting()
			steps.Do(d, "notify", nothing)
			return d
		},
		"a step inserted": func() *steps.Definition[input] {
			d := steps.Define[input]()
			steps.Do(d, "prepare", nothing)
			steps.Do(d, "check", nothing)
			steps.AwaitSignal[input, approval](d, "approve")
			steps.Do(d, "act", nothing)
			return d
		},
		"steps renamed": func() *steps.Definition[input] {
			d := steps.Define[input]()
			steps.Do(d, "collect", nothing, steps.WasNamed("prepare"))
			steps.AwaitSignal[input, approval](d, "sign off", steps.WasNamed("approve"))
			steps.Do(d, "act", nothing)
			return d
		},
		"a step removed": func() *steps.Definition[input] {
			d := steps.Define[input](steps.Removed("prepare", "act"))
			steps.AwaitSignal[input, approval](d, "approve")
			return d
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				id := enqueue(t, newEngine(t, db, config()), input{}).ID
				runUntil(t, db, awaiting(), id)
				eng := newEngine(t, db, unasked(), now())
				for signal, want := range map[string]string{"approve": "the payload does not fit step", "aprove": `it has no step "aprove" that waits for a signal`} {
					_, err := eng.Signal(t.Context(), id, signal, "yes", "ann")
					require.ErrorIs(t, err, engine.ErrInvalid)
					assert.ErrorContains(t, err, want)
				}
				signal(t, eng, id, approval{true}, "ann")
				s := runToEnd(t, db, now(), id)
				assert.Equal(t, model.Succeeded, s.Status, s.Error)
			})
		})
	}
}

// quoting is a payload that is always rejected, with an error that quotes all of it.
type quoting struct{}

func (*quoting) UnmarshalJSON(raw []byte) error { return fmt.Errorf("not %s", raw) }

func TestTheErrorOfARejectedSignalIsRedacted(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		steps.AwaitSignal[input, quoting](d, "approve")
		cfg := unasked()
		cfg.Redact = func(v model.Value) json.RawMessage {
			if v.Part == model.PartSignal {
				return nil
			}
			return v.JSON
		}
		eng := newEngine(t, db, cfg, d)
		job := enqueue(t, eng, input{})
		for client, quotes := range map[*engine.Client]bool{&eng.Client: true, eng.Redacted(): false} {
			_, err := client.Signal(t.Context(), job.ID, "approve", "correct horse", "ann")
			require.ErrorIs(t, err, engine.ErrInvalid)
			assert.Equal(t, quotes, strings.Contains(err.Error(), "correct horse"), "%v", err)
		}
	})
}

func TestAPayloadThatDoesNotFitFailsTheStepAndAResumeWaitsForAnother(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), awaiting())
		start(t, eng)
		job := enqueue(t, eng, input{})
		waits(t, eng, job.ID)
		_, err := eng.Signal(t.Context(), job.ID, "approve", "yes", "bob")
		require.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, `the payload does not fit step "approve": json: cannot unmarshal string`)
		_, err = eng.Signal(t.Context(), job.ID, "act", nil, "bob")
		require.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, `step "act" does not wait for a signal`)
		assert.Equal(t, model.Scheduled, waits(t, eng, job.ID).Status, "nothing was written")

		signal(t, newEngine(t, db, unasked()), job.ID, "yes", "bob") // does not know the type
		eng.Wake()
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, `step "approve": the payload of its signal does not fit (resume the job and send another one): json: cannot unmarshal string`)
		assert.Equal(t, "bob", s.Steps[1].SentBy)

		require.NoError(t, eng.Resume(t.Context(), job.ID))
		waits(t, eng, job.ID)
		signal(t, eng, job.ID, approval{true}, "ann")
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, "ann", s.Steps[1].SentBy)
		assert.Equal(t, 2, s.Steps[1].Attempts)
	})
}
