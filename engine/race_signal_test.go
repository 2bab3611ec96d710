package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// approve sends a job the signal that it waits for.
func approve(t *testing.T, eng *engine.Engine, id uuid.UUID, by string, sent **model.Signal) side {
	return side{
		do: func() (err error) {
			signal, err := eng.Signal(t.Context(), id, "approve", approval{OK: by == "ann"}, by)
			if sent != nil {
				*sent = signal
			}
			return err
		},
		effect: func() { ended(t, eng, id) },
	}
}

func TestASignalRacesWithTheTimeoutOfItsWait(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), awaiting(steps.Timeout(time.Hour))), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"signal done: succeeded", "signal rejected: failed"},
			may:  []string{"signal done: failed"}, // it came after the deadline, before that was recorded, and is kept
		}, func(o startOrder, n int) string {
			id := enqueue(t, runs, input{}).ID
			waits(t, runs, id)
			// This host's clock is the database's.
			deadline := time.Now().Add(map[startOrder]time.Duration{firstBefore: 0, secondBefore: time.Hour, together: 40 * time.Millisecond}[o])
			edit(t, db, id, func(data object, _ []any) {
				data["steps"].([]any)[1].(object)["wait_until"] = model.TimeOf(deadline)
			})
			from := []*engine.Engine{runs, other}[n/2%2]
			signals := approve(t, from, id, "ann", nil)
			signals.effect = func() { runs.Wake(); ended(t, runs, id) }
			if o == together { // around the deadline
				send := signals.do
				signals.do = func() error {
					<-time.After(time.Until(deadline.Add(time.Duration(n%7-4) * 2 * time.Millisecond)))
					return send()
				}
			}
			_, err := o.race(side{func() error {
				if o == together {
					<-time.After(time.Until(deadline))
				}
				_, err := db.NewRaw("UPDATE job_system_jobs SET scheduled_at = created_at WHERE id = ? AND status = 'scheduled'", id.String()).Exec(t.Context())
				runs.Wake()
				return err
			}, func() { ended(t, runs, id) }}, signals)
			s := ended(t, runs, id)
			if s.Status == model.Failed {
				assert.Contains(t, s.Error, "no signal came within 1h0m0s")
			}
			if s.Status == model.Failed && err == nil {
				require.NoError(t, runs.Resume(t.Context(), id))
				assert.Equal(t, model.Succeeded, ended(t, runs, id).Status, "a resume uses the signal")
			}
			return fmt.Sprintf("signal %s: %s", answer(err), s.Status)
		})
	})
}

func TestOfTwoSignalsOfDifferentProcessesTheFirstCounts(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), awaiting()), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"ann's stands", "bob's stands"},
		}, func(o startOrder, _ int) string {
			id := enqueue(t, runs, input{}).ID
			waits(t, runs, id)
			var ann, bob *model.Signal
			a, b := approve(t, runs, id, "ann", &ann), approve(t, other, id, "bob", &bob)
			if o != together { // and not the end of the job, so that the second one gets the first signal
				a.effect, b.effect = nil, nil
			}
			errA, errB := o.race(a, b)
			runs.Wake()
			s := ended(t, runs, id)
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			stands := s.Steps[1].SentBy
			for _, sent := range []struct {
				by     string
				signal *model.Signal
				err    error
			}{{"ann", ann, errA}, {"bob", bob, errB}} {
				if sent.by == stands {
					require.NoError(t, sent.err)
					assert.False(t, sent.signal.Existing)
					continue
				}
				if sent.err != nil {
					assert.ErrorIs(t, sent.err, engine.ErrStatus, "the job had ended with the first one")
					continue
				}
				assert.True(t, sent.signal.Existing)
				assert.Equal(t, stands, sent.signal.SentBy)
			}
			assert.JSONEq(t, fmt.Sprint(stands == "ann"), string(s.Steps[2].Output))
			return stands + "'s stands"
		})
	})
}

func TestASignalRacesWithACancel(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), awaiting()), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"signal done, cancel rejected: succeeded", "signal rejected, cancel done: cancelled"},
			may:  []string{"signal done, cancel done: cancelled", "signal done, cancel done: succeeded"},
		}, func(o startOrder, n int) string {
			id := enqueue(t, runs, input{}).ID
			waits(t, runs, id)
			signals := approve(t, []*engine.Engine{runs, other}[n/2%2], id, "ann", nil)
			signals.effect = func() { runs.Wake(); ended(t, runs, id) }
			sent, cancelled := o.race(signals, side{do: func() error { return other.Cancel(t.Context(), id, "racer", "") }})
			runs.Wake()
			return fmt.Sprintf("signal %s, cancel %s: %s", answer(sent), answer(cancelled), ended(t, runs, id).Status)
		})
	})
}
