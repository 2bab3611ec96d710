package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

var errAway = errors.New("the database is away")

// writesOfJobs are the operations with which an engine writes to the jobs that it
// runs or is about to run.
var writesOfJobs = []store.Op{store.OpClaim, store.OpFlush, store.OpFlushClaim, store.OpTouch, store.OpRecordedWait, store.OpSettle, store.OpSettleOrphanLock}

// The database is away for longer than a lease, and takes writes again just after
// the last of a run's tries to write its record has failed: that it takes others
// then does not mean that it refuses this one.
func TestADatabaseThatComesBackRefusesNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range testdb.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			cfg := mortal()
			var away atomic.Pointer[time.Time]
			db := openFailing(t, kind, func(query string) error {
				since, op := away.Load(), store.OpOf(query)
				if since == nil || !slices.Contains(writesOfJobs, op) {
					return nil
				}
				if record := op == store.OpFlush || op == store.OpFlushClaim; record && time.Since(*since) > cfg.Lease+time.Second {
					away.Store(nil)
				}
				return errAway
			})
			d := steps.Define[input](steps.ResumeOnCrash(100))
			steps.Do(d, "first", func(context.Context, *steps.Run[input]) error {
				now := time.Now()
				away.CompareAndSwap(nil, &now)
				return nil
			})
			steps.Do(d, "last", func(context.Context, *steps.Run[input]) error { return nil })
			eng := newEngine(t, db, cfg, d)
			start(t, eng)
			s := ended(t, eng, enqueue(t, eng, input{}).ID)
			assert.Equal(t, model.Succeeded, s.Status, s.Error)
		})
	}
}

// A step in a transaction waits until one can begin, as other steps wait for
// their records.
func TestAStepInATransactionWaitsForADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	for _, kind := range testdb.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			var away atomic.Int32
			db := openFailing(t, kind, func(query string) error {
				if query == "BEGIN" && away.Add(-1) >= 0 {
					return errAway
				}
				return nil
			})
			d := steps.Define[input]()
			steps.Do(d, "first", func(context.Context, *steps.Run[input]) error { away.Store(5); return nil })
			steps.InTx(d, "second", func(context.Context, steps.Tx, *steps.Run[input]) (int, error) { return 2, nil })
			eng := newEngine(t, db, config(), d)
			start(t, eng)
			s := ended(t, eng, enqueue(t, eng, input{}).ID)
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			assert.Equal(t, 1, s.Steps[1].Attempts)
			assert.Negative(t, away.Load(), "no transaction was to begin while it was away")
		})
	}
}

// A connection stands, and the answer to a commit never comes: the engine gives
// it up after a lease, and goes on by others. The type whose rows the transaction
// has locked waits for its end. PostgreSQL's driver gives up by itself, and
// SQLite has no other connection.
func TestAnEngineGoesOnWithoutAnAnswerToACommit(t *testing.T) {
	t.Parallel()
	silent, answer := make(chan struct{}), make(chan struct{})
	var silence atomic.Bool
	db := openFailing(t, testdb.MariaDB, func(query string) error {
		if query == "COMMIT" && silence.CompareAndSwap(true, false) {
			close(silent)
			<-answer
		}
		return nil
	})
	cfg := mortal()
	one := steps.Define[input](steps.Type("test:one"), steps.ResumeOnCrash(100))
	steps.Do(one, "only", func(context.Context, *steps.Run[input]) error { silence.Store(true); return nil })
	other := steps.Define[input](steps.Type("test:other"))
	steps.Do(other, "long", func(ctx context.Context, _ *steps.Run[input]) error {
		select {
		case <-ctx.Done(): // nobody renews its lease
			return context.Cause(ctx)
		case <-time.After(2 * cfg.Lease):
			return nil
		}
	})
	eng := newEngine(t, db, cfg, one, other)
	start(t, eng)
	first := enqueue(t, eng, engine.RawInput{Type: "test:one", Input: []byte("{}")})
	receive(t, silent)
	s := ended(t, eng, enqueue(t, eng, engine.RawInput{Type: "test:other", Input: []byte("{}")}).ID)
	assert.Equal(t, model.Succeeded, s.Status, s.Error)
	close(answer)
	s = ended(t, eng, first.ID)
	assert.Equal(t, model.Succeeded, s.Status, s.Error)
}
