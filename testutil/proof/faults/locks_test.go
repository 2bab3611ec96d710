package faults_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// The server's sessions are serializable by default, and hardly wait for locks; and a rival
// locks rows of both tables in another order than the engine, repeatedly.
func TestARivalLocksRowsInTheWrongOrder(t *testing.T) {
	settings := map[testdb.Kind][]testdb.ServerOption{
		testdb.Postgres: {
			testdb.ServerSetting("default_transaction_isolation", "serializable"),
			testdb.ServerSetting("lock_timeout", "200ms"), testdb.ServerSetting("deadlock_timeout", "20ms"),
		},
		testdb.MariaDB: {testdb.ServerSetting("transaction-isolation", "SERIALIZABLE"), testdb.ServerSetting("innodb-lock-wait-timeout", "1")},
	}
	eachServer(t, func(t *testing.T, kind testdb.Kind) {
		s, _ := newServerScene(t, kind, settings[kind]...)
		rival := testdb.Open(t, s.dsn)
		s.work(2)
		for range *times {
			s.fault(func() {
				s.keepBusy(s.workers[0])
				lockAgainstTheOrder(t, rival, 2*lease)
			})
		}
		conflicts := s.counted("deadlock", "Deadlock", "could not serialize", "lock timeout", "Lock wait timeout")
		s.end("rows locked in the wrong order, serializable, low lock timeouts")
		assert.Positive(t, conflicts, "there was no conflict with the rival")
		t.Logf("%d statements of the workers and the crowd failed because of it", conflicts)
	})
}

func lockAgainstTheOrder(t *testing.T, db *bun.DB, during time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	var group sync.WaitGroup
	var won atomic.Int32
	for range 2 {
		group.Go(func() {
			for ctx.Err() == nil {
				err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
					// The engine locks jobs first, then locks, each in order.
					for _, query := range []string{
						"SELECT l.type FROM job_type_lock l ORDER BY l.type DESC FOR UPDATE",
						"SELECT j.id FROM job_system_jobs j WHERE j.status IN ('processing', 'scheduled') ORDER BY j.id DESC FOR UPDATE",
					} {
						if _, err := tx.NewRaw(query).Exec(ctx); err != nil {
							return err
						}
						last(t, rand.N(10*time.Millisecond))
					}
					return nil
				})
				if err == nil {
					won.Add(1)
				}
				last(t, rand.N(5*time.Millisecond))
			}
		})
	}
	group.Wait()
	require.Positive(t, won.Load(), "the rival never got its locks")
}
