package engine_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The rights that the README says to grant are enough, and no more are needed.
func TestAnEngineRunsJobsWithTheRightsOfItsTablesOnly(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		u, err := url.Parse(text)
		require.NoError(t, err)
		if u.Scheme == "sqlite" {
			return // it has no users
		}
		owner := testdb.Open(t, text)
		name := "u" + strings.ReplaceAll(uuid.NewString(), "-", "")[:20]
		user, drop := name, "DROP OWNED BY "+name+"; DROP ROLE "+name
		create := fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", name, name)
		if !strings.HasPrefix(u.Scheme, "postgres") {
			user, drop = fmt.Sprintf("'%s'@'%%'", name), fmt.Sprintf("DROP USER '%s'@'%%'", name)
			create = fmt.Sprintf("CREATE USER %s IDENTIFIED BY '%s'", user, name)
		}
		_, err = owner.ExecContext(t.Context(), create)
		require.NoError(t, err)
		t.Cleanup(func() {
			_, err := owner.ExecContext(context.WithoutCancel(t.Context()), drop)
			assert.NoError(t, err)
		})
		for _, table := range []string{model.JobsTable, model.LocksTable} {
			_, err := owner.ExecContext(t.Context(), "GRANT SELECT, INSERT, UPDATE ON "+table+" TO "+user)
			require.NoError(t, err)
		}
		u.User = url.UserPassword(name, name)
		db := testdb.Open(t, u.String())
		_, err = db.ExecContext(t.Context(), "DELETE FROM "+model.JobsTable)
		require.Error(t, err, "it has no other rights")

		eng := newEngine(t, db, config(), three())
		start(t, eng)
		job := enqueue(t, eng, input{N: 1})
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
		other := enqueue(t, eng, input{N: 1})
		ended(t, eng, other.ID)
		require.NoError(t, eng.Delete(t.Context(), other.ID))
	})
}
