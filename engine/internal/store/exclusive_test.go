package store_test

import (
	"encoding/json"
	"errors"
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

// claimed returns a store with two jobs of one type, the first of which is processing.
func claimed(t *testing.T, db *bun.DB, lease time.Duration) (*store.Store, *model.Job, store.Owner) {
	t.Helper()
	s, types := backlog(t, db, 1, 2)
	o := store.Owner{ID: "first", Lease: lease}
	jobs, err := s.Claim(t.Context(), types, o)
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	return s, jobs[0], o
}

func held(j *model.Job) store.LockedRun {
	return store.LockedRun{Type: j.Type, JobID: j.ID, Attempt: j.Attempt}
}

func fail(j *model.Job) error {
	j.Status, j.Error = model.Failed, "settled"
	return nil
}

func statusOf(t *testing.T, s *store.Store, id uuid.UUID) *store.Row {
	t.Helper()
	row, err := s.Get(t.Context(), s.DB(), id)
	require.NoError(t, err)
	require.NotNil(t, row)
	return row
}

func TestATypeWhoseLockIsHeldIsNotClaimed(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, first, _ := claimed(t, db, time.Minute)
		other := store.Owner{ID: "second", Lease: time.Minute}
		jobs, err := s.Claim(t.Context(), []string{first.Type}, other)
		require.NoError(t, err, "the lock says no before the unique index has to")
		assert.Empty(t, jobs)
		ready, err := s.Ready(t.Context(), []string{first.Type})
		require.NoError(t, err)
		assert.Empty(t, ready.Due)
	})
}

// Even without the lock, the database itself rejects a second processing row.
func TestTheUniqueIndexRejectsASecondRun(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, first, _ := claimed(t, db, time.Minute)
		_, err := db.NewRaw("UPDATE job_type_lock SET job_id = NULL, locked_until = updated_at").Exec(t.Context())
		require.NoError(t, err)
		_, err = s.Claim(t.Context(), []string{first.Type}, store.Owner{ID: "second", Lease: time.Minute})
		assert.Error(t, err)
	})
}

func TestALeaseThatHasNotExpiredIsNotSettled(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, first, _ := claimed(t, db, time.Minute)
		settled, err := s.Settle(t.Context(), held(first), fail)
		require.NoError(t, err)
		assert.Nil(t, settled)
		assert.Equal(t, model.Processing, statusOf(t, s, first.ID).Status)
	})
}

func TestAnExpiredLeaseIsSettledOnceAndFreesItsType(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, first, o := claimed(t, db, -time.Second)
		settled, err := s.Settle(t.Context(), held(first), fail)
		require.NoError(t, err)
		require.NotNil(t, settled)
		row := statusOf(t, s, first.ID)
		assert.Equal(t, model.Failed, row.Status)
		assert.Equal(t, "settled", row.Error)
		assert.False(t, row.FinishedAt.IsZero())
		again, err := s.Settle(t.Context(), held(first), fail)
		require.NoError(t, err)
		assert.Nil(t, again)

		next, err := s.Claim(t.Context(), []string{first.Type}, store.Owner{ID: "second", Lease: time.Minute})
		require.NoError(t, err)
		require.Len(t, next, 1)
		// The first owner was not dead: nothing that it writes is kept, and the lock of its
		// successor stays.
		done, err := s.Flush(t.Context(), []store.Write{{JobID: first.ID, Type: first.Type, Attempt: first.Attempt, End: model.Succeeded}}, o, true)
		require.NoError(t, err)
		assert.Empty(t, done.Acks)
		assert.Empty(t, done.Next)
		renewed, _, err := s.Renew(t.Context(), []string{first.Type}, o)
		require.NoError(t, err)
		assert.Empty(t, renewed)
		assert.Equal(t, "second", statusOf(t, s, next[0].ID).Owner)
	})
}

func TestASettlementThatFailsChangesNothing(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, first, _ := claimed(t, db, -time.Second)
		boom := errors.New("boom")
		_, err := s.Settle(t.Context(), held(first), func(*model.Job) error { return boom })
		require.ErrorIs(t, err, boom)
		row := statusOf(t, s, first.ID)
		assert.Equal(t, model.Processing, row.Status)
		assert.Equal(t, "first", row.Owner)
	})
}

func TestRenewingExtendsTheLeaseByTheDatabasesClock(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, first, o := claimed(t, db, -time.Hour)
		o.Lease = time.Hour
		renewed, _, err := s.Renew(t.Context(), []string{first.Type, "unknown"}, o)
		require.NoError(t, err)
		assert.Equal(t, []store.LockedRun{held(first)}, renewed)
		row := statusOf(t, s, first.ID)
		assert.InDelta(t, time.Hour.Seconds(), row.LockedUntil.Sub(row.Now.Time).Seconds(), 60)
	})
}

func TestTheEndOfARunClaimsTheNextOfItsType(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, first, o := claimed(t, db, time.Minute)
		end := func(j *model.Job) store.Flushed {
			done, err := s.Flush(t.Context(), []store.Write{{JobID: j.ID, Type: j.Type, Attempt: j.Attempt, End: model.Succeeded, Progress: 1}}, o, true)
			require.NoError(t, err)
			require.Contains(t, done.Acks, j.ID)
			return done
		}
		done := end(first)
		require.Len(t, done.Next, 1)
		next := done.Next[0]
		assert.Equal(t, model.Processing, next.Status)
		assert.EqualValues(t, 1, next.Attempt)
		assert.False(t, next.StartedAt.IsZero())
		row := statusOf(t, s, next.ID)
		assert.Equal(t, "first", row.Owner)
		assert.Equal(t, model.Processing, row.Status)
		assert.Equal(t, row.StartedAt, next.StartedAt)
		assert.Empty(t, end(next).Next)
		locks, rows := 0, 0
		require.NoError(t, db.NewRaw("SELECT COUNT(*) FROM job_type_lock l WHERE l.job_id IS NOT NULL OR l.owner <> ''").Scan(t.Context(), &locks))
		require.NoError(t, db.NewRaw("SELECT COUNT(*) FROM job_system_jobs j WHERE j.status = 'succeeded'").Scan(t.Context(), &rows))
		assert.Zero(t, locks)
		assert.Equal(t, 2, rows)
	})
}

// A batch mixes everything: whole documents and patches, none and many of them, checkpoints
// set, cleared and unchanged, and rows that no longer belong to the runs.
func TestABatchWritesToEachRowItsOwnValues(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		const n = store.MaxBatch
		s, types := backlog(t, db, n, n)
		jobs, err := s.Claim(t.Context(), types, owner)
		require.NoError(t, err)
		require.Len(t, jobs, n)
		step := func(text string) json.RawMessage {
			return json.RawMessage(`{"name":"` + text + `","status":"completed"}`)
		}
		writes := make([]store.Write, n)
		ms := int64(1500)
		for i, j := range jobs {
			w := store.Write{JobID: j.ID, Type: j.Type, Attempt: j.Attempt, Progress: float64(i) / n, Message: strings.Repeat("ü'\\?🚀", i%7)}
			switch i % 5 {
			case 0:
				w.Document = json.RawMessage(`{"input":{"a":"it's \\ \"?\""},"steps":[` + string(step("whole")) + `]}`)
			case 1:
				w.Patches = []store.Patch{{Path: store.Path{Key: "steps", Index: -1}, Value: json.RawMessage("[" + string(step("list")) + "]")}}
				w.SetCheckpoints, w.Checkpoints = true, json.RawMessage(`{"step":"s","value":[1,"'"]}`)
			case 2:
				w.Patches = []store.Patch{
					{Path: store.Path{Key: "steps", Index: -1}, Value: json.RawMessage("[1,2]")},
					{Path: store.Path{Key: "steps", Index: 1}, Value: step("patched ' \\\\ ?")},
					{Path: store.Path{Key: "result", Index: -1}, Value: json.RawMessage(`"r"`)},
				}
				w.TimeToCompleteMS, w.Progressed = &ms, true
			case 3:
				w.Attempt++ // the fence rejects it
			}
			writes[i] = w
		}
		done, err := s.Flush(t.Context(), writes, owner, true)
		require.NoError(t, err)
		assert.Len(t, done.Acks, n-n/5)
		for i, w := range writes {
			row := statusOf(t, s, w.JobID)
			if i%5 == 3 {
				assert.Empty(t, row.Message)
				assert.NotContains(t, done.Acks, w.JobID)
				continue
			}
			assert.Equal(t, w.Message, row.Message)
			assert.InDelta(t, w.Progress, row.Progress, 1e-9)
			switch i % 5 {
			case 0:
				assert.JSONEq(t, string(w.Document), string(row.Data))
			case 1:
				assert.JSONEq(t, `{"input":{},"steps":[`+string(step("list"))+`]}`, string(row.Data))
				assert.JSONEq(t, string(w.Checkpoints), string(row.Checkpoints))
			case 2:
				assert.JSONEq(t, `{"input":{},"steps":[1,`+string(step("patched ' \\\\ ?"))+`],"result":"r"}`, string(row.Data))
				assert.Equal(t, ms, *row.TimeToCompleteMS)
			case 4:
				assert.JSONEq(t, `{"input":{},"steps":[]}`, string(row.Data))
				assert.Nil(t, row.Checkpoints)
			}
		}
		// A flush may be repeated: the second one changes nothing.
		again, err := s.Flush(t.Context(), writes, owner, true)
		require.NoError(t, err)
		assert.Equal(t, len(done.Acks), len(again.Acks))
		row := statusOf(t, s, writes[2].JobID)
		assert.JSONEq(t, `{"input":{},"steps":[1,`+string(step("patched ' \\\\ ?"))+`],"result":"r"}`, string(row.Data))
	})
}
