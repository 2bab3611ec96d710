package engine_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
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

// A job waits for its turn: what is ahead of it is counted when its status is reported, and
// not at each look.
func TestWaitCountsWhatIsAheadOnlyForAReport(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		looks := make(chan struct{}, 1000)
		var counts atomic.Int32
		db := openSpied(t, text, func(call wire.Call) {
			switch store.OpOf(call.Text) {
			case store.OpJob:
				looks <- struct{}{}
			case store.OpAhead:
				counts.Add(1)
			}
		})
		eng := newEngine(t, db, config(), three())
		ahead, id := enqueue(t, eng, input{}).ID, enqueue(t, eng, input{}).ID
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		reported, done := make(chan int, 1), make(chan error, 1)
		go func() {
			_, err := eng.Wait(ctx, id, func(s *model.JobView) { reported <- s.Ahead })
			done <- err
		}()
		assert.Equal(t, 1, receive(t, reported), "job %s is ahead", ahead)
		for range 5 {
			receive(t, looks)
		}
		cancel()
		require.ErrorIs(t, receive(t, done), context.Canceled)
		assert.Equal(t, int32(1), counts.Load())
	})
}
