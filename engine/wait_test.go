package engine_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestWaitReturnsWhenTheJobIsDeletedBeforeItRuns(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		id := enqueue(t, eng, input{}, later()).ID
		var deleted []bool // at each call
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		s, err := eng.Wait(ctx, id, func(s *model.JobView) {
			if deleted = append(deleted, !s.DeletedAt.IsZero()); len(deleted) == 1 {
				assert.NoError(t, eng.Delete(t.Context(), id))
			}
		})
		require.ErrorIs(t, err, engine.ErrDeleted)
		assert.NotErrorIs(t, err, engine.ErrNotFound)
		assert.ErrorContains(t, err, id.String())
		assert.Equal(t, []bool{false, true}, deleted, "the deletion is a change too")
		require.NotNil(t, s)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.False(t, s.DeletedAt.IsZero())
	})
}

func TestWaitReturnsTheStatusOfAJobThatEndedBeforeItWasDeleted(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		start(t, eng)
		id := enqueue(t, eng, input{}).ID
		ended(t, eng, id)
		require.NoError(t, eng.Delete(t.Context(), id))
		s, err := eng.Wait(t.Context(), id, nil)
		require.NoError(t, err)
		assert.Equal(t, model.Succeeded, s.Status)
	})
}
