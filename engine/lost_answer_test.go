package engine_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

// Whichever answer of the engine's own writes is lost, each job ends well, and each of its
// steps runs once: a write that took effect is recognised, one that did not is repeated,
// and a job whose claim got no answer is found.
func TestALostAnswerLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var network faults
		db := openHooked(t, text, &network)
		var mu sync.Mutex
		ran := make(map[string]int)
		d := steps.Define[input]()
		for i := range 3 {
			steps.Do(d, fmt.Sprint("step-", i), func(_ context.Context, run *steps.Run[input]) error {
				mu.Lock()
				defer mu.Unlock()
				ran[run.IdempotencyKey()]++
				return nil
			})
		}
		beside := newEngine(t, testdb.Open(t, text), config())
		var ids []uuid.UUID
		eachLostAnswer(t, &network, func(round int32) {
			eng := newEngine(t, db, config(), d) // its lease is long: no expiry resolves anything
			for range 3 {
				ids = append(ids, enqueue(t, beside, input{}).ID)
			}
			stop := start(t, eng)
			for _, id := range ids[len(ids)-3:] {
				s := ended(t, eng, id)
				assert.Equal(t, model.Succeeded, s.Status, "round %d: %s", round, s.Error)
			}
			stop()
		})
		mu.Lock()
		defer mu.Unlock()
		assert.Len(t, ran, len(ids)*3)
		for key, n := range ran {
			assert.Equal(t, 1, n, key)
		}
		var open int
		require.NoError(t, db.NewRaw("SELECT COUNT(*) FROM job_type_lock l WHERE l.job_id IS NOT NULL").Scan(t.Context(), &open))
		assert.Zero(t, open, "every lock is free")
	})
}

// A claim takes effect only after the engine has given up its answer and looked for the
// job in vain: the job is found and runs all the same. The claim is a single statement, and
// so arrives as a whole, on PostgreSQL only.
func TestALateCommitOfAClaimIsFound(t *testing.T) {
	t.Parallel()
	var network faults
	db := openHooked(t, testdb.DSN(t, testdb.Postgres), &network)
	owners, lost := make(chan string, 2), make(chan struct{}, 1)
	cfg := config()
	cfg.Poll = time.Hour // it does not claim the job again
	eng := newEngine(t, db, cfg, one("test:job", func(ctx context.Context, _ *steps.Run[input]) error {
		var owner string
		defer func() { owners <- owner }()
		return db.NewRaw("SELECT l.owner FROM job_type_lock l").Scan(ctx, &owner)
	}))
	start(t, eng)
	ended(t, eng, enqueue(t, eng, input{}).ID)
	owner := receive(t, owners)

	network.fail(func(call wire.Call) bool { // the test makes the claim later
		if !has(store.OpClaim)(call) {
			return false
		}
		select {
		case lost <- struct{}{}:
		default:
		}
		return true
	})
	job := enqueue(t, eng, input{})
	receive(t, lost)
	network.clear()
	require.NoError(t, db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewRaw("UPDATE job_system_jobs SET status = 'processing', attempt = 1, started_at = clock_timestamp() WHERE id = ? AND status = 'scheduled'", job.ID.String()).Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewRaw("UPDATE job_type_lock SET owner = ?, job_id = ?, attempt = 1, locked_until = clock_timestamp() + interval '1 hour'", owner, job.ID.String()).Exec(ctx)
		return err
	}))
	s := ended(t, eng, job.ID)
	assert.Equal(t, model.Succeeded, s.Status, s.Error)
	assert.EqualValues(t, 1, s.Attempt)
	receive(t, owners)
}

// The answer to a claim is lost, and before the engine looks for it the lease expires:
// nevertheless the job begins with a lease of its own, so that no other engine claims it.
func TestAJobWhoseClaimGotNoAnswerBeginsWithALeaseOfItsOwn(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		beside := testdb.Open(t, text)
		var network faults
		db := openHooked(t, text, &network)
		eng := newEngine(t, beside, config())
		expired := make(chan bool, 1)
		start(t, newEngine(t, db, config(), one("test:job", func(ctx context.Context, run *steps.Run[input]) error {
			s, err := eng.Status(ctx, run.Job().ID)
			if err == nil {
				expired <- s.LeaseExpired
			}
			return err
		})))
		var lost atomic.Bool
		network.lose(func(call wire.Call) bool {
			if !takesEffect(call) || lost.Load() {
				return false
			}
			// The answer took so long.
			res, err := beside.ExecContext(context.Background(), "UPDATE job_type_lock SET locked_until = updated_at WHERE job_id IS NOT NULL")
			if !assert.NoError(t, err) {
				return false
			}
			claimed, err := res.RowsAffected()
			lost.Store(claimed > 0)
			return assert.NoError(t, err) && claimed > 0
		})
		job := enqueue(t, eng, input{})
		assert.False(t, receive(t, expired))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.True(t, lost.Load())
		assert.EqualValues(t, 1, s.Attempt, "it is the run whose claim got no answer")
	})
}

// A run's write fails until the run is in its step's transaction, during which it writes
// nothing: meanwhile the jobs of other types continue. SQLite has a single connection,
// which the transaction uses.
func TestAFailedWriteThatWaitsForATransactionDelaysNoOtherJob(t *testing.T) {
	t.Parallel()
	for _, kind := range []testdb.Kind{testdb.Postgres, testdb.MariaDB} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			var network faults
			db := openHooked(t, testdb.DSN(t, kind), &network)
			failed, begun, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
			failing := sync.OnceFunc(func() { close(failed) })
			d := steps.Define[input]()
			pair := steps.Parallel(d, "pair")
			steps.Do(pair, "writes", func(ctx context.Context, run *steps.Run[input]) error {
				network.fail(func(call wire.Call) bool {
					if writes(call) {
						failing()
					}
					return writes(call)
				})
				return run.Checkpoint(ctx, 1)
			})
			steps.InTx(pair, "books", func(context.Context, steps.Tx, *steps.Run[input]) (int, error) {
				network.clear()
				close(begun)
				<-release
				return 1, nil
			}, steps.When(func(*steps.Run[input]) bool { <-failed; return true }, ""))
			eng := newEngine(t, db, config(), d, one("other", nothing))
			start(t, eng)
			job := enqueue(t, eng, input{})
			receive(t, begun)
			other := ended(t, eng, enqueue(t, eng, raw("other")).ID)
			assert.Equal(t, model.Succeeded, other.Status)
			s, err := eng.Status(t.Context(), job.ID)
			require.NoError(t, err)
			assert.Equal(t, model.Processing, s.Status)
			close(release)
			s = ended(t, eng, job.ID)
			assert.Equal(t, model.Succeeded, s.Status, s.Error)
			for _, step := range s.Steps {
				assert.Equal(t, 1, step.Attempts, step.Name)
			}
		})
	}
}
