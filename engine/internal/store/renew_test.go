package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// Another transaction keeps the lock of one type locked: the leases of the others are
// renewed meanwhile, and its own afterwards.
func TestALockedRowDoesNotPreventTheRenewalOfOtherLeases(t *testing.T) {
	for _, kind := range []testdb.Kind{testdb.Postgres, testdb.MariaDB} { // SQLite locks all or nothing
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			db := testdb.Open(t, testdb.DSN(t, kind))
			s, types := backlog(t, db, 2, 2)
			owner := store.Owner{ID: "first", Lease: time.Minute}
			jobs, err := s.Claim(t.Context(), types, owner)
			require.NoError(t, err)
			require.Len(t, jobs, 2)
			tx, err := db.BeginTx(t.Context(), nil)
			require.NoError(t, err)
			_, err = tx.NewRaw("SELECT type FROM job_type_lock WHERE type = ? FOR UPDATE", jobs[0].Type).Exec(t.Context())
			require.NoError(t, err)

			renewed, locked, err := s.Renew(t.Context(), types, owner)
			require.NoError(t, err)
			assert.Equal(t, []store.LockedRun{held(jobs[1])}, renewed)
			assert.Equal(t, []string{jobs[0].Type}, locked)

			require.NoError(t, tx.Rollback())
			renewed, locked, err = s.Renew(t.Context(), types, owner)
			require.NoError(t, err)
			assert.ElementsMatch(t, []store.LockedRun{held(jobs[0]), held(jobs[1])}, renewed)
			assert.Empty(t, locked)
		})
	}
}
