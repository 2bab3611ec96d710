package engine_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// The answer to a claim is lost, and while the engine looks for the job, another engine
// settles the run, whose lease has expired: the job does not begin here.
func TestAJobWhoseClaimGotNoAnswerDoesNotBeginWhileItIsSettled(t *testing.T) {
	t.Parallel()
	text := testdb.DSN(t, testdb.Postgres)
	beside := testdb.Open(t, text)
	settling, err := beside.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer settling.Rollback() // it is committed by then

	// The engine renews before it asks for its own jobs, and begins those before it
	// asks again.
	asked := make(chan struct{}, 100)
	var lost, settles atomic.Bool
	var network faults
	network.fail(func(call wire.Call) bool {
		switch op := store.OpOf(call.Text); {
		case op == store.OpOwned:
			asked <- struct{}{}
		case op == store.OpRenewLock && lost.Load() && settles.CompareAndSwap(false, true):
			_, err := settling.Exec("UPDATE job_type_lock SET job_id = NULL, attempt = 0, owner = '', locked_until = clock_timestamp() WHERE job_id IS NOT NULL")
			assert.NoError(t, err)
		}
		return false
	})
	network.lose(func(call wire.Call) bool { return has(store.OpClaim)(call) && lost.CompareAndSwap(false, true) })
	var ran atomic.Int32
	db := openHooked(t, text, &network)
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
	assert.Equal(t, model.Failed, s.Status)
	assert.Equal(t, "settled", s.Error)
	assert.Zero(t, ran.Load(), "another engine settled the run")
}
