package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// Alone or in a batch, going on or ending: a write that was sent before another
// one of its run takes no effect once that has.
func TestAnOlderWriteOfARunTakesNoEffectAfterANewerOne(t *testing.T) {
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
