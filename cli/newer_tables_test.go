package cli

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The command of this version works on the tables of a newer one, says of which
// migrations it knows nothing, and undoes none of them.
func TestTheCommandWorksOnTheTablesOfANewerVersion(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		for _, statement := range []string{
			"ALTER TABLE job_system_jobs ADD COLUMN tenant TEXT",
			"ALTER TABLE job_system_jobs ADD COLUMN newer INTEGER NOT NULL DEFAULT 5",
			"CREATE INDEX job_system_jobs_newer ON job_system_jobs (newer, id)",
			"ALTER TABLE job_type_lock ADD COLUMN note TEXT",
			"INSERT INTO job_system_migrations (name, group_id) VALUES ('0002_newer', 2)",
		} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		b := setupOn(t, text)
		assert.Regexp(t, `0002_newer +group 2, by a newer version`, b.ok("migrate", "status"))
		var states []migrations.State
		require.NoError(t, json.Unmarshal([]byte(b.ok("-o", "json", "migrate", "status")), &states))
		require.Len(t, states, 2)
		assert.Equal(t, []bool{false, true}, []bool{states[0].Newer, states[1].Newer})
		assert.Equal(t, "nothing to do\n", b.ok("migrate", "up"))
		assert.Contains(t, b.fails(ExitFailed, "migrate", "down", "--yes"), "a newer version of the job system has applied 0002_newer: roll it back with that version first")

		b.worker()
		id := b.enqueue(`{}`)
		close(b.shop.open)
		b.ok("watch", id)
		assert.Contains(t, b.ok("show", id), "succeeded")
		assert.Contains(t, b.ok("list"), id[:8])
		b.ok("types")
	})
}
