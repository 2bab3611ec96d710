package store_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// A connection pooler between this process and PostgreSQL may use another server connection
// for each statement, which does not know the statements prepared on the previous one.
func TestStatementsRunUnpreparedWhereNothingStaysPrepared(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, testdb.DSN(t, testdb.Postgres))
	db.SetMaxOpenConns(1)
	s, err := store.New(t.Context(), db, model.Tables{})
	require.NoError(t, err)
	require.NoError(t, s.EnsureLocks(t.Context(), []string{"a"}))
	insert := func() {
		id, err := uuid.NewV7()
		require.NoError(t, err)
		j := &model.Job{ID: id, Type: "a", Data: json.RawMessage(`{"input":{},"steps":[]}`)}
		require.NoError(t, s.Insert(t.Context(), db, []*model.Job{j}, true))
	}
	forget := func() {
		_, err := db.ExecContext(context.WithoutCancel(t.Context()), "DEALLOCATE ALL")
		require.NoError(t, err)
	}
	insert()
	forget()
	insert()
	forget()
	jobs, err := s.Claim(t.Context(), []string{"a"}, owner)
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	forget()
	done, err := s.Flush(t.Context(), []store.Write{{JobID: jobs[0].ID, Type: "a", Attempt: 1, End: model.Succeeded}}, owner, true)
	require.NoError(t, err)
	assert.Len(t, done.Next, 1)
}
