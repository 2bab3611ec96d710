package store_test

import (
	"encoding/json"
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

// ranked inserts a job with that priority, due that long ago.
func ranked(t *testing.T, s *store.Store, jobType string, priority int, waited time.Duration, name string) {
	t.Helper()
	j := &model.Job{
		ID: uuid.Must(uuid.NewV7()), Type: jobType, Name: name, Priority: priority,
		Data: json.RawMessage(`{"input":{}}`), ScheduledAt: model.TimeOf(time.Now().Add(-waited)),
	}
	require.NoError(t, s.Insert(t.Context(), s.DB(), []*model.Job{j}, false))
}

// The job is claimed alone or together with the end of the previous one.
func TestJobsAreClaimedByPriorityAndWaiting(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for _, next := range []bool{false, true} {
			s, types := backlog(t, db, 2, 0)
			ranked(t, s, types[0], 0, 30*time.Minute, "0 after 30m")
			ranked(t, s, types[0], 0, 90*time.Minute, "0 after 90m")
			ranked(t, s, types[0], 1, 10*time.Minute, "1 after 10m, which is worth 70m")
			ranked(t, s, types[0], 2, time.Minute, "2 after 1m, which is worth 121m")
			ranked(t, s, types[0], -2, 199*time.Minute, "-2 after 199m, which is worth 79m")
			ranked(t, s, types[0], -1, time.Minute, "-1 after 1m")
			ranked(t, s, types[0], 2, -time.Minute, "2, not due yet")
			ranked(t, s, types[0], model.ImmediatePriority, -time.Minute, "immediate, not due yet")
			ranked(t, s, types[0], model.ImmediatePriority, time.Second, "immediate")
			ranked(t, s, types[0], model.ImmediatePriority, 2*time.Second, "immediate, the earlier one")
			ranked(t, s, types[0], 0, 1000*time.Hour, "0 after 1000h")
			ranked(t, s, types[1], -2, time.Second, "another type's")

			var order []string
			claimed, err := s.Claim(t.Context(), types, owner)
			require.NoError(t, err)
			require.Len(t, claimed, 2)
			if claimed[0].Type != types[0] {
				claimed[0], claimed[1] = claimed[1], claimed[0]
			}
			assert.Equal(t, "another type's", claimed[1].Name)
			endRun(t, s, claimed[1], false)
			for len(claimed) > 0 {
				order = append(order, claimed[0].Name)
				claimed = endRun(t, s, claimed[0], next)
				if !next {
					claimed, err = s.Claim(t.Context(), types, owner)
					require.NoError(t, err)
				}
			}
			assert.Equal(t, []string{
				"immediate, the earlier one", "immediate", "0 after 1000h", "2 after 1m, which is worth 121m", "0 after 90m",
				"-2 after 199m, which is worth 79m", "1 after 10m, which is worth 70m", "0 after 30m", "-1 after 1m",
			}, order, "claims the next one with the end: %v", next)
			_, err = db.NewRaw("DELETE FROM job_system_jobs").Exec(t.Context())
			require.NoError(t, err)
		}
	})
}

// A job is due as soon as one of any priority is.
func TestATypeIsReadyWhenAJobOfAnyPriorityIsDue(t *testing.T) {
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, types := backlog(t, db, 1, 0)
		ranked(t, s, types[0], model.ImmediatePriority, -time.Hour, "in an hour")
		ranked(t, s, types[0], 0, -time.Minute, "in a minute")
		ready, err := s.Ready(t.Context(), types)
		require.NoError(t, err)
		assert.Empty(t, ready.Due)
		assert.InDelta(t, time.Minute, ready.Next, float64(10*time.Second))
		ranked(t, s, types[0], -2, time.Second, "due")
		ready, err = s.Ready(t.Context(), types)
		require.NoError(t, err)
		assert.Equal(t, types, ready.Due)
	})
}

// endRun ends a job's run as succeeded, and claims the next one if claim is set.
func endRun(t *testing.T, s *store.Store, j *model.Job, claim bool) []*model.Job {
	t.Helper()
	done, err := s.Flush(t.Context(), []store.Write{{JobID: j.ID, Type: j.Type, Attempt: j.Attempt, End: model.Succeeded}}, owner, claim)
	require.NoError(t, err)
	require.Len(t, done.Acks, 1)
	return done.Next
}
