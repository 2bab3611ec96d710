package engine_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// A cancelled parent waits until the child that runs has returned; its other child and its
// grandchild never run.
func TestCancellingAParentCancelsAllItsDescendants(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, release := make(chan struct{}, 1), make(chan struct{})
		slowChild := one("slow", func(ctx context.Context, _ *steps.Run[input]) error {
			begun <- struct{}{}
			<-ctx.Done()
			<-release
			return ctx.Err()
		})
		eng := newEngine(t, db, unasked(), parentOf("grandparent", []string{"parent", "nowhere"}), parentOf("parent", []string{"slow", "nowhere"}), slowChild)
		start(t, eng)
		job := enqueue(t, eng, raw("grandparent"))
		middle := childrenOf(t, eng, job.ID)
		receive(t, begun)
		leaves := childrenOf(t, eng, middle[0])

		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", "enough"))
		assert.Equal(t, model.Cancelled, ended(t, eng, middle[1]).Status)
		assert.Equal(t, model.Cancelled, ended(t, eng, leaves[1]).Status)
		for _, id := range []uuid.UUID{job.ID, middle[0]} { // each has had a run since, and waits again
			s := until(t, eng, id, func(s *model.JobView) bool { return s.Status == model.Scheduled && s.Attempt >= 2 })
			assert.True(t, s.CancelRequested)
			assert.NotEmpty(t, s.WaitsFor)
		}
		close(release)
		for _, id := range []uuid.UUID{leaves[0], middle[0], job.ID} {
			s := ended(t, eng, id)
			assert.Equal(t, model.Cancelled, s.Status)
			assert.Equal(t, "ann", s.CancelledBy)
			assert.Equal(t, "enough", s.CancelReason)
		}
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.StepCancelled, s.Steps[1].Status)
		slowStatus := ended(t, eng, leaves[0])
		assert.False(t, s.FinishedAt.Before(slowStatus.FinishedAt.Time), "the parent has ended after its descendants")
	})
}

// In a caller's transaction the children are cancelled with the commit, or not at all.
func TestACancelOfAParentInATransactionTakesEffectWithItsCommit(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), parentOf("parent", []string{"nowhere", "nowhere"}))
		stop := start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		ids := childrenOf(t, eng, job.ID)
		stop()
		cancel := func(outcome error) error {
			return db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
				require.NoError(t, eng.WithTx(tx).Cancel(ctx, job.ID, "ann", ""))
				return outcome
			})
		}
		require.ErrorIs(t, cancel(errBoom), errBoom)
		s, err := eng.Status(t.Context(), ids[0])
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
		require.NoError(t, cancel(nil))
		assert.Equal(t, model.Cancelled, ended(t, eng, ids[1]).Status)
		start(t, newEngine(t, db, config(), parentOf("parent", nil)))
		assert.Equal(t, model.Cancelled, ended(t, eng, job.ID).Status)
	})
}

func TestAResumeOfACancelledParentContinuesItsChildren(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		parent := newEngine(t, db, config(), parentOf("parent", []string{"good", "good"}))
		start(t, parent)
		job := enqueue(t, parent, raw("parent"))
		ids := childrenOf(t, parent, job.ID)
		require.NoError(t, parent.Cancel(t.Context(), job.ID, "", ""))
		assert.Equal(t, model.Cancelled, ended(t, parent, job.ID).Status)
		assert.Equal(t, model.Cancelled, ended(t, parent, ids[0]).Status)

		require.NoError(t, parent.Resume(t.Context(), job.ID))
		start(t, newEngine(t, db, config(), one("good", nothing)))
		s := ended(t, parent, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, ids, s.Steps[1].Children)
	})
}

// The request comes while the parent's step is about to enqueue its children.
func TestACancelBeforeTheChildrenAreEnqueuedReachesThemAll(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		asked, release := make(chan struct{}), make(chan struct{})
		d := steps.Define[input](steps.Type("parent"))
		steps.ChildJobs(d, "children", func(context.Context, *steps.Run[input]) ([]steps.Child, error) {
			close(asked)
			<-release
			return []steps.Child{{Input: raw("nowhere")}}, nil
		})
		eng := newEngine(t, db, unasked(), d)
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		receive(t, asked)
		require.NoError(t, newEngine(t, db, config()).Cancel(t.Context(), job.ID, "", "")) // in another process
		close(release)
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		list, err := eng.List(t.Context(), engine.Filter{Parent: job.ID})
		require.NoError(t, err)
		require.Len(t, list, 1)
		assert.Equal(t, model.Cancelled, list[0].Status)
	})
}

// The process of a parent that waits for its children dies, after a cancel was requested:
// the parent is cancelled when they have ended.
func TestACancelledParentThatDiesIsCancelledAfterItsChildren(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		first := newEngine(t, db, config(), parentOf("parent", []string{"nowhere"}))
		stop := start(t, first)
		job := enqueue(t, first, raw("parent"))
		ids := childrenOf(t, first, job.ID)
		stop()
		require.NoError(t, orphan(t, db, job.ID, "parent"))
		_, err := db.NewUpdate().Model((*model.Job)(nil)).Set("cancel_requested_at = updated_at").Set("cancelled_by = 'ann'").Where("id = ?", job.ID.String()).Exec(t.Context())
		require.NoError(t, err)
		second := newEngine(t, db, config(), parentOf("parent", []string{"nowhere"}))
		start(t, second)
		s := ended(t, second, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		child := ended(t, second, ids[0])
		assert.Equal(t, model.Cancelled, child.Status)
		assert.Equal(t, "ann", child.CancelledBy)
		assert.False(t, s.FinishedAt.Before(child.FinishedAt.Time))
	})
}
