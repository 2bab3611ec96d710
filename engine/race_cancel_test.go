package engine_test

import (
	"context"
	"fmt"
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
)

// gated adds a step that sends its job when it begins, and waits for its release; it
// returns the error of its context if that has ended by then.
func gated(d steps.Scope[input], name string, begun chan<- uuid.UUID, release <-chan struct{}) {
	steps.Do(d, name, func(ctx context.Context, run *steps.Run[input]) error {
		begun <- run.Job().ID
		<-release
		return ctx.Err()
	})
}

// later schedules a job so that it becomes due only by comesDue.
func later() engine.EnqueueOption { return engine.At(time.Now().Add(time.Hour)) }

// comesDue makes a job due that waits for its time, and makes an engine poll. That engine
// may poll by itself before, after the end of another job.
func comesDue(t *testing.T, db *bun.DB, id uuid.UUID, eng *engine.Engine) error {
	t.Helper()
	_, err := db.NewRaw("UPDATE job_system_jobs SET scheduled_at = created_at WHERE id = ? AND status = 'scheduled' AND deleted_at IS NULL", id.String()).Exec(t.Context())
	eng.Wake()
	return err
}

// busy runs another job of the type, of failsOnce, in an engine, until it is released.
func busy(t *testing.T, eng *engine.Engine) (release func()) {
	t.Helper()
	id := enqueue(t, eng, input{Text: "busy"}).ID
	until(t, eng, id, func(s *model.JobView) bool { return s.Status == model.Processing })
	return func() { assert.NoError(t, eng.Cancel(t.Context(), id, "", "")) }
}

func TestCancelRacesWithTheEndOfTheLastStep(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		begun, release := make(chan uuid.UUID), make(chan struct{})
		d := steps.Define[input]()
		steps.Do(d, "first", nothing)
		gated(d, "last", begun, release)
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), d), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"cancel done: cancelled", "cancel rejected: succeeded"},
			may:  []string{"cancel done: succeeded"}, // its last step has completed nevertheless
		}, func(o startOrder, n int) string {
			id := enqueue(t, runs, input{}).ID
			receive(t, begun)
			from := []*engine.Engine{runs, other}[n/2%2]
			_, err := o.race(
				side{func() error { release <- struct{}{}; return nil }, func() { ended(t, runs, id) }},
				side{do: func() error { return from.Cancel(t.Context(), id, "racer", "") }})
			s := ended(t, runs, id)
			assert.Equal(t, s.Status == model.Succeeded, s.Steps[1].Status == model.StepCompleted)
			if err == nil {
				assert.Equal(t, "racer", s.CancelledBy)
			}
			return fmt.Sprintf("cancel %s: %s", answer(err), s.Status)
		})
	})
}

func TestCancelRacesWithTheClaim(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), three()), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"cancel done: cancelled after 0 runs", "cancel rejected: succeeded after 1 runs"},
			may:  []string{"cancel done: cancelled after 1 runs", "cancel done: succeeded after 1 runs"},
		}, func(o startOrder, _ int) string {
			id := enqueue(t, other, input{}, later()).ID
			_, err := o.race(
				side{func() error { return comesDue(t, db, id, runs) }, func() { ended(t, other, id) }},
				side{do: func() error { return other.Cancel(t.Context(), id, "racer", "") }})
			s := ended(t, other, id)
			if s.Attempt == 0 {
				assert.Empty(t, s.Steps)
			}
			return fmt.Sprintf("cancel %s: %s after %d runs", answer(err), s.Status, s.Attempt)
		})
	})
}

func TestCancelRacesWithAResume(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), failsOnce(&ledger{})), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"resume done, cancel rejected: succeeded", "resume done, cancel done: cancelled"},
			may:  []string{"resume done, cancel done: succeeded"},
		}, func(o startOrder, n int) string {
			id := enqueue(t, runs, input{}).ID
			require.Equal(t, model.Failed, ended(t, runs, id).Status)
			release := func() {}
			if n/2%2 == 0 { // it waits for its turn meanwhile
				release = busy(t, runs)
			}
			resumed, cancelled := o.race(
				side{do: func() error { return runs.Resume(t.Context(), id) }},
				side{do: func() error { return other.Cancel(t.Context(), id, "racer", "") }})
			release()
			s := ended(t, runs, id)
			assert.Equal(t, 1, s.Resumptions)
			return fmt.Sprintf("resume %s, cancel %s: %s", answer(resumed), answer(cancelled), s.Status)
		})
	})
}

func TestCancelRacesWithAFailureThatIsUndone(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var log diary
		begun, release := make(chan uuid.UUID), make(chan struct{})
		d := steps.Define[input](steps.UndoOn(model.Failed, model.Cancelled))
		undoable(d, &log, "reserve", willing)
		undoable(d, &log, "charge", willing)
		steps.Do(d, "ship", func(ctx context.Context, run *steps.Run[input]) error {
			begun <- run.Job().ID
			<-release
			return errBoom
		})
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), d), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"cancel done: cancelled", "cancel rejected: failed"},
		}, func(o startOrder, n int) string {
			id := enqueue(t, runs, input{}).ID
			receive(t, begun)
			from := []*engine.Engine{runs, other}[n/2%2]
			_, err := o.race(
				side{func() error { release <- struct{}{}; return nil }, func() { ended(t, runs, id) }},
				side{do: func() error { return from.Cancel(t.Context(), id, "racer", "") }})
			s := ended(t, runs, id)
			assert.Equal(t, "reserve charge -charge -reserve", log.read())
			assert.Equal(t, []model.StepStatus{model.StepUndone, model.StepUndone}, statuses(s)[:2])
			return fmt.Sprintf("cancel %s: %s", answer(err), s.Status)
		})
	})
}

func TestCancelOfAParentRacesWithItsChildsEnd(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var gate atomic.Pointer[chan struct{}]
		begun := make(chan uuid.UUID)
		child := one("child", func(ctx context.Context, run *steps.Run[input]) error {
			release := *gate.Load()
			begun <- run.Job().ID
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, config(), parentOf("parent", []string{"child"}), child), newEngine(t, testdb.Open(t, text), config())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"cancel done: parent cancelled, child cancelled", "cancel rejected: parent succeeded, child succeeded"},
			may:  []string{"cancel done: parent cancelled, child succeeded", "cancel done: parent succeeded, child succeeded"},
		}, func(o startOrder, n int) string {
			release := make(chan struct{})
			gate.Store(&release)
			parent := enqueue(t, runs, raw("parent")).ID
			id := receive(t, begun)
			if n%2 == 1 || o != together {
				childrenOf(t, runs, parent) // in the other rounds the parent may not wait yet
			}
			from := []*engine.Engine{runs, other}[n/2%2]
			_, err := o.race(
				side{func() error { close(release); return nil }, func() { ended(t, runs, parent) }},
				side{func() error { return from.Cancel(t.Context(), parent, "racer", "") }, func() { ended(t, runs, id) }})
			s := ended(t, runs, parent)
			return fmt.Sprintf("cancel %s: parent %s, child %s", answer(err), s.Status, ended(t, runs, id).Status)
		})
	})
}
