package engine_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// kept returns a word for whether a job is deleted.
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
			must: []string{"delete rejected: succeeded, kept", "delete done: succeeded, deleted"},
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
			may:  []string{"delete rejected: succeeded, kept"},
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
			assert.Equal(t, model.Scheduled, s.Status, "it never runs")
			assert.Zero(t, s.Attempt, "it never runs")
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
			must: []string{"resume done, delete done: scheduled, deleted", "resume rejected, delete done: failed, deleted"},
		}, func(o startOrder, _ int) string {
			id := enqueue(t, runs, input{}).ID
			require.Equal(t, model.Failed, ended(t, runs, id).Status)
			release := busy(t, runs) // the job waits for its turn
			resumed, deleted := o.race(
				side{do: func() error { return other.Resume(t.Context(), id) }},
				side{do: func() error { return other.Delete(t.Context(), id) }})
			s, err := runs.Status(t.Context(), id)
			require.NoError(t, err)
			release()
			assert.EqualValues(t, 1, s.Attempt)
			return fmt.Sprintf("resume %s, delete %s: %s, %s", answer(resumed), answer(deleted), s.Status, kept(s))
		})
	})
}

// A parent ends between Delete's read of it and the transaction in which Delete locks it.
// Its children are checked again then: they have not ended, so it is not deleted.
func TestDeleteChecksTheChildrenOfAParentThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	flaky := input{Text: "flaky"}
	definition := func(timeout time.Duration) *steps.Definition[input] {
		d := steps.Define[input]()
		failed := false
		steps.Do(d, "before", func(_ context.Context, run *steps.Run[input]) error {
			if run.Input() == flaky && !failed {
				failed = true
				return errBoom
			}
			return nil
		})
		steps.ChildJobs(d, "children", func(context.Context, *steps.Run[input]) ([]steps.Child, error) {
			return []steps.Child{{Input: raw("nowhere")}}, nil
		}, steps.Timeout(timeout))
		return d
	}
	for name, tt := range map[string]struct {
		timeout time.Duration
		// prepare returns a job that Delete reads, and end makes it end with an open child.
		prepare func(t *testing.T, text string, runs *engine.Engine) uuid.UUID
		end     func(t *testing.T, runs *engine.Engine, id uuid.UUID)
	}{
		"in its first run": {
			timeout: 50 * time.Millisecond,
			prepare: func(t *testing.T, _ string, runs *engine.Engine) uuid.UUID { return enqueue(t, runs, input{}).ID },
			end: func(t *testing.T, runs *engine.Engine, id uuid.UUID) {
				defer start(t, runs)()
				require.Equal(t, model.Failed, ended(t, runs, id).Status)
			},
		},
		"in another run": { // only its attempt has changed
			timeout: 50 * time.Millisecond,
			prepare: func(t *testing.T, _ string, runs *engine.Engine) uuid.UUID {
				defer start(t, runs)()
				id := enqueue(t, runs, flaky).ID
				require.Equal(t, `step "before": boom`, ended(t, runs, id).Error)
				return id
			},
			end: func(t *testing.T, runs *engine.Engine, id uuid.UUID) {
				defer start(t, runs)()
				require.NoError(t, runs.Resume(t.Context(), id))
				require.Equal(t, model.Failed, ended(t, runs, id).Status)
			},
		},
		"by the death of its engine": { // only its status has changed
			timeout: time.Hour,
			prepare: func(t *testing.T, text string, runs *engine.Engine) uuid.UUID {
				stop := start(t, runs)
				id := enqueue(t, runs, input{}).ID
				waits(t, runs, id)
				stop()
				require.NoError(t, orphan(t, testdb.Open(t, text), id, input{}.JobType()))
				return id
			},
			end: func(t *testing.T, runs *engine.Engine, id uuid.UUID) {
				defer start(t, runs)()
				require.Equal(t, model.Failed, ended(t, runs, id).Status)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testdb.EachDSN(t, func(t *testing.T, text string) {
				runs := newEngine(t, testdb.Open(t, text), config(), definition(tt.timeout))
				id := tt.prepare(t, text, runs)
				var change sync.Once
				deletes := newEngine(t, openSpied(t, text, func(call wire.Call) {
					if call.Kind == wire.Begin {
						change.Do(func() { tt.end(t, runs, id) })
					}
				}), config())

				err := deletes.Delete(t.Context(), id)
				require.ErrorIs(t, err, engine.ErrStatus)
				assert.ErrorContains(t, err, "some of its children have not ended: cancel them first")
				s, err := runs.Status(t.Context(), id)
				require.NoError(t, err)
				assert.Equal(t, "kept", kept(s))
				require.Len(t, s.Steps[1].Children, 1)
				require.NoError(t, runs.Cancel(t.Context(), s.Steps[1].Children[0], "", ""))
				require.NoError(t, deletes.Delete(t.Context(), id))
			})
		})
	}
}
