package engine_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// kept tells in a word whether a job is deleted.
func kept(s *model.JobView) string {
	if s.DeletedAt.IsZero() {
		return "kept"
	}
	return "deleted"
}

func TestDeleteRacesWithTheEndOfARun(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		begun, release := make(chan uuid.UUID), make(chan struct{})
		d := steps.Define[input]()
		gated(d, "only", begun, release)
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), d), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"delete refused: succeeded, kept", "delete done: succeeded, deleted"},
		}, func(o startOrder, _ int) string {
			id := enqueue(t, runs, input{}).ID
			receive(t, begun)
			_, err := o.race(
				side{func() error { release <- struct{}{}; return nil }, func() { ended(t, runs, id) }},
				side{do: func() error { return other.Delete(t.Context(), id) }})
			s := ended(t, runs, id)
			return fmt.Sprintf("delete %s: %s, %s", answer(err), s.Status, kept(s))
		})
	})
}

func TestDeleteRacesWithTheClaim(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), three()), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		var never []uuid.UUID
		contest(t, db, raced{
			must: []string{"delete done: scheduled, deleted", "delete done: succeeded, deleted"},
			may:  []string{"delete refused: succeeded, kept"},
		}, func(o startOrder, _ int) string {
			id := enqueue(t, other, input{}, later()).ID
			_, err := o.race(
				side{func() error { return comesDue(t, db, id, runs) }, func() { ended(t, other, id) }},
				side{do: func() error { return other.Delete(t.Context(), id) }})
			s := until(t, other, id, func(s *model.JobView) bool { return s.Status.Ended() || !s.DeletedAt.IsZero() })
			if !s.Status.Ended() {
				never = append(never, id)
			}
			return fmt.Sprintf("delete %s: %s, %s", answer(err), s.Status, kept(s))
		})
		ended(t, runs, enqueue(t, runs, input{}).ID)
		for _, id := range never {
			s, err := runs.Status(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, []any{model.Scheduled, int64(0)}, []any{s.Status, s.Attempt}, "it never runs")
		}
	})
}

func TestDeleteRacesWithAResume(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), failsOnce(&ledger{})), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"resume done, delete done: scheduled, deleted", "resume refused, delete done: failed, deleted"},
		}, func(o startOrder, _ int) string {
			id := enqueue(t, runs, input{}).ID
			require.Equal(t, model.Failed, ended(t, runs, id).Status)
			letGo := busy(t, runs) // the job waits for its turn
			resumed, deleted := o.race(
				side{do: func() error { return other.Resume(t.Context(), id) }},
				side{do: func() error { return other.Delete(t.Context(), id) }})
			s, err := runs.Status(t.Context(), id)
			require.NoError(t, err)
			letGo()
			assert.EqualValues(t, 1, s.Attempt)
			return fmt.Sprintf("resume %s, delete %s: %s, %s", answer(resumed), answer(deleted), s.Status, kept(s))
		})
	})
}
