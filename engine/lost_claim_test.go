package engine_test

import (
	"context"
	"database/sql/driver"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The answer to a claim is lost, and while it is looked for another engine is
// settling the run, whose lease is over: the job does not begin here.
func TestAJobThatWasClaimedUnheardDoesNotBeginWhileItIsSettled(t *testing.T) {
	t.Parallel()
	text := testdb.DSN(t, testdb.Postgres)
	beside := testdb.Open(t, text)
	settling, err := beside.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer settling.Rollback() // it is committed by then

	// The engine renews before it asks for its own jobs, and begins those before it
	// asks again.
	asked := make(chan struct{}, 100)
	var claims, lost, settles atomic.Bool
	watched := func(query string, _ []driver.NamedValue) bool {
		switch op := store.OpOf(query); {
		case op == store.OpClaim:
			claims.Store(true)
		case op == store.OpOwned:
			asked <- struct{}{}
		case op == store.OpRenewLock && lost.Load() && settles.CompareAndSwap(false, true):
			_, err := settling.Exec("UPDATE job_type_lock SET job_id = NULL, attempt = 0, owner = '', locked_until = clock_timestamp() WHERE job_id IS NOT NULL")
			assert.NoError(t, err)
		}
		return false
	}
	loser := func(what string) bool { return what == "update" && claims.Load() && lost.CompareAndSwap(false, true) }
	lose, hold := new(atomic.Pointer[func(string) bool]), new(atomic.Pointer[func(string, []driver.NamedValue) bool])
	lose.Store(&loser)
	hold.Store(&watched)
	var ran atomic.Int32
	db := openLossyAt(t, testdb.Postgres, text, lossy{lose: lose, hold: hold})
	eng := newEngine(t, beside, config())
	job := enqueue(t, eng, input{})
	start(t, newEngine(t, db, config(), one("test:job", func(context.Context, *steps.Run[input]) error {
		ran.Add(1)
		return nil
	})))
	receive(t, asked)
	receive(t, asked)
	require.True(t, settles.Load())
	_, err = settling.Exec("UPDATE job_system_jobs SET status = 'failed', error = 'settled', finished_at = clock_timestamp() WHERE id = ?", job.ID.String())
	require.NoError(t, err)
	require.NoError(t, settling.Commit())
	s := ended(t, eng, job.ID)
	assert.Equal(t, []any{model.Failed, "settled"}, []any{s.Status, s.Error})
	assert.Zero(t, ran.Load(), "the run was another engine's to settle")
}
