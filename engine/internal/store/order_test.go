package store_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// Alone or in a batch, for a run that continues or ends: a write that was sent before
// another write of its run has no effect after that.
func TestAnOlderWriteOfARunHasNoEffectAfterANewerOne(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, types := backlog(t, db, 3, 3)
		jobs, err := s.Claim(t.Context(), types, owner)
		require.NoError(t, err)
		require.Len(t, jobs, 3)
		write := func(j *model.Job, number int64, end model.Status) store.Write {
			return store.Write{
				JobID: j.ID, Type: j.Type, Attempt: j.Attempt, Number: number, End: end, Message: fmt.Sprint(number),
				Document: json.RawMessage(fmt.Sprintf(`{"input":{},"steps":[],"result":%d}`, number)),
			}
		}
		flush := func(claim bool, writes ...store.Write) store.Flushed {
			done, err := s.Flush(t.Context(), writes, owner, claim)
			require.NoError(t, err)
			return done
		}
		require.Len(t, flush(true, write(jobs[0], 2, ""), write(jobs[1], 2, "")).Acks, 2)
		for _, end := range []model.Status{"", model.Succeeded, model.Scheduled} {
			for _, claim := range []bool{true, false} {
				done := flush(claim, write(jobs[0], 1, end))
				assert.Empty(t, done.Acks, "end %q", end)
				assert.Empty(t, done.Next)
				done = flush(claim, write(jobs[0], 1, end), write(jobs[1], 1, ""), write(jobs[2], 1, ""))
				assert.NotContains(t, done.Acks, jobs[0].ID, "end %q", end)
				assert.NotContains(t, done.Acks, jobs[1].ID)
				assert.Contains(t, done.Acks, jobs[2].ID, "its own first write")
			}
		}
		for _, j := range jobs[:2] {
			row := statusOf(t, s, j.ID)
			assert.Equal(t, model.Processing, row.Status)
			assert.Equal(t, "2", row.Message)
			assert.Equal(t, owner.ID, row.Owner)
			assert.JSONEq(t, `{"input":{},"steps":[],"result":2}`, string(row.Data))
		}

		require.Len(t, flush(false, write(jobs[0], 3, model.Scheduled)).Acks, 1)
		again, err := s.Claim(t.Context(), []string{jobs[0].Type}, store.Owner{ID: "second", Lease: time.Minute})
		require.NoError(t, err)
		require.Len(t, again, 1)
		assert.Len(t, flush(false, write(again[0], 1, "")).Acks, 1, "each run counts from the beginning")
	})
}

// Jobs that a poll and a claim leave out do not prevent later jobs from being found and
// claimed, in their order.
func TestAClaimLeavesJobsOut(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, types := backlog(t, db, 2, 6)
		all, err := s.List(t.Context(), db, store.Filter{Limit: 10})
		require.NoError(t, err)
		slices.SortFunc(all, func(a, b store.Row) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		except := []uuid.UUID{all[0].ID, all[2].ID} // the first two of the first type
		ready, err := s.Ready(t.Context(), types, except...)
		require.NoError(t, err)
		assert.ElementsMatch(t, types, ready.Due)
		jobs, err := s.ClaimExcept(t.Context(), types, except, owner)
		require.NoError(t, err)
		require.Len(t, jobs, 2)
		slices.SortFunc(jobs, func(a, b *model.Job) int { return strings.Compare(a.Type, b.Type) })
		assert.Equal(t, []uuid.UUID{all[4].ID, all[1].ID}, []uuid.UUID{jobs[0].ID, jobs[1].ID})

		// An end that frees its type claims no next job, the others of its batch do.
		ends := func(j *model.Job, frees bool) store.Write {
			return store.Write{JobID: j.ID, Type: j.Type, Attempt: j.Attempt, Number: 1, End: model.Succeeded, FreesType: frees}
		}
		done, err := s.Flush(t.Context(), []store.Write{ends(jobs[0], true), ends(jobs[1], false)}, owner, true)
		require.NoError(t, err)
		require.Len(t, done.Next, 1)
		assert.Equal(t, all[3].ID, done.Next[0].ID)
		ready, err = s.Ready(t.Context(), types)
		require.NoError(t, err)
		assert.Equal(t, types[:1], ready.Due, "it is free, and its first job is due")
		ready, err = s.Ready(t.Context(), types, except...)
		require.NoError(t, err)
		assert.Empty(t, ready.Due)
		jobs, err = s.ClaimExcept(t.Context(), types, except, owner)
		require.NoError(t, err)
		assert.Empty(t, jobs)
	})
}
