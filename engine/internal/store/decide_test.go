package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// decideOn writes a decision for a job.
func decideOn(t *testing.T, s *store.Store, j *model.Job) {
	t.Helper()
	_, decided, err := s.Decide(t.Context(), s.DB(), j.ID, json.RawMessage(`{"status":"failed","error":"no"}`), func(*model.Job) error { return nil })
	require.NoError(t, err)
	require.True(t, decided)
}

// Alone or in a batch, with the claim of the next job or without.
func TestAnEndThatDoesNotKnowTheDecisionHasNoEffect(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, types := backlog(t, db, 3, 3)
		jobs, err := s.Claim(t.Context(), types, owner)
		require.NoError(t, err)
		require.Len(t, jobs, 3)
		number := int64(0)
		write := func(j *model.Job, end model.Status, knows bool) store.Write {
			number++
			return store.Write{JobID: j.ID, Type: j.Type, Attempt: j.Attempt, Number: number, End: end, Decided: knows}
		}
		flush := func(claim bool, writes ...store.Write) map[any]store.Ack {
			done, err := s.Flush(t.Context(), writes, owner, claim)
			require.NoError(t, err)
			acks := make(map[any]store.Ack)
			for id, ack := range done.Acks {
				acks[id] = ack
			}
			return acks
		}
		for _, writes := range [][]store.Write{{write(jobs[0], "", false)}, {write(jobs[0], "", false), write(jobs[1], "", false)}} {
			assert.False(t, flush(false, writes...)[jobs[0].ID].Decided)
		}
		decideOn(t, s, jobs[0])
		for _, writes := range [][]store.Write{
			{write(jobs[0], "", false)},
			{write(jobs[0], "", false), write(jobs[1], "", false)},
			{write(jobs[0], "", false), write(jobs[1], model.Succeeded, false)},
		} {
			acks := flush(true, writes...)
			assert.True(t, acks[jobs[0].ID].Decided, "a run that continues learns of it")
			assert.False(t, acks[jobs[1].ID].Decided)
		}
		for _, end := range []model.Status{model.Succeeded, model.Failed} {
			for _, claim := range []bool{true, false} {
				assert.Empty(t, flush(claim, write(jobs[0], end, false)))
				acks := flush(claim, write(jobs[0], end, false), write(jobs[2], "", false))
				assert.Len(t, acks, 1)
				assert.Contains(t, acks, any(jobs[2].ID))
			}
		}
		row := statusOf(t, s, jobs[0].ID)
		assert.Equal(t, []any{model.Processing, owner.ID}, []any{row.Status, row.Owner})
		assert.Contains(t, flush(true, write(jobs[0], model.Failed, true), write(jobs[2], model.Succeeded, false)), any(jobs[0].ID))
		assert.Equal(t, model.Failed, statusOf(t, s, jobs[0].ID).Status)
	})
}

func TestAJobThatWaitsIsDueIfItHasADecision(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, first, o := claimed(t, db, time.Minute)
		decideOn(t, s, first)
		later := model.TimeOf(time.Now().Add(time.Hour))
		done, err := s.Flush(t.Context(), []store.Write{{JobID: first.ID, Type: first.Type, Attempt: first.Attempt, End: model.Scheduled, WakeAt: later}}, o, false)
		require.NoError(t, err)
		require.Len(t, done.Acks, 1)
		row := statusOf(t, s, first.ID)
		assert.Equal(t, model.Scheduled, row.Status)
		assert.False(t, row.ScheduledAt.After(row.Now.Time))
	})
}

func TestOnlyAProcessingJobWithoutADecisionIsDecided(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, first, _ := claimed(t, db, time.Minute)
		decide := func(j *model.Job, decision string) (*store.Row, bool) {
			row, decided, err := s.Decide(t.Context(), db, j.ID, json.RawMessage(decision), func(*model.Job) error { return nil })
			require.NoError(t, err)
			return row, decided
		}
		row, decided := decide(&model.Job{}, `{}`)
		assert.Nil(t, row)
		assert.False(t, decided)
		_, decided = decide(first, `{"status":"failed"}`)
		assert.True(t, decided)
		row, decided = decide(first, `{"status":"succeeded"}`)
		assert.False(t, decided)
		assert.JSONEq(t, `{"status":"failed"}`, string(row.Decision))
		_, err := db.NewRaw("UPDATE job_system_jobs SET decision = NULL, status = 'scheduled'").Exec(t.Context())
		require.NoError(t, err)
		_, decided = decide(first, `{"status":"succeeded"}`)
		assert.False(t, decided)
	})
}
