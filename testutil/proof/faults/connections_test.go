package faults_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// endConnections ends all connections to the database except its own.
func endConnections(t *testing.T, kind testdb.Kind, admin *bun.DB) {
	t.Helper()
	ctx := t.Context()
	if kind == testdb.Postgres {
		_, err := admin.NewRaw("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Exec(ctx)
		require.NoError(t, err)
		return
	}
	var ids []int64
	err := admin.NewRaw("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()").Scan(ctx, &ids)
	require.NoError(t, err)
	for _, id := range ids {
		_, _ = admin.NewRaw("KILL ?", id).Exec(ctx) // it may have ended already
	}
}
