package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The job's row is locked when the engine is notified of it: the job does not wait for the
// next poll, in an hour.
func TestAJobThatIsLockedWhenItIsDueRunsSoonAfter(t *testing.T) {
	t.Parallel()
	for _, kind := range []testdb.Kind{testdb.Postgres, testdb.MariaDB} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			db := testdb.Open(t, testdb.DSN(t, kind))
			cfg := config()
			cfg.Poll = time.Hour
			eng := newEngine(t, db, cfg, one("test:job", nothing))
			job := enqueue(t, eng, input{})
			require.NoError(t, db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
				_, err := tx.NewRaw("UPDATE job_system_jobs SET name = 'locked' WHERE id = ?", job.ID.String()).Exec(ctx)
				start(t, eng)
				time.Sleep(100 * time.Millisecond) // it polls, and finds the lock; that cannot be observed
				return err
			}))
			assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
		})
	}
}
