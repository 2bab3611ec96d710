package engine_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// waitingInserts counts the sessions of a database that insert jobs and wait for another
// transaction.
var waitingInserts = map[testdb.Kind]string{
	testdb.Postgres: "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%" + store.OpInsertNotify.Tag() + "%'",
	testdb.MariaDB:  "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() AND info LIKE '%" + store.OpInsert.Tag() + "%'",
}

// Another transaction and an enqueue wait for each other's keys. The database ends one of
// the two: the enqueue is repeated, and its caller gets no error.
func TestAnEnqueueThatADeadlockHasEndedIsRepeated(t *testing.T) {
	t.Parallel()
	for kind, waiting := range waitingInserts {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			text := testdb.DSN(t, kind)
			db := testdb.Open(t, text)
			theirs, ours := newEngine(t, db, config()), newEngine(t, testdb.Open(t, text), config())
			item := func(key string) engine.NewJob {
				return engine.NewJob{Input: input{}, Options: []engine.EnqueueOption{engine.IdempotencyKey(key)}}
			}
			failed, made := make(chan error, 1), make(chan []*model.Job, 1)
			err := db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
				many := []engine.NewJob{item("a")} // the database ends the transaction that has written less
				for n := range 50 {
					many = append(many, item(fmt.Sprint("more-", n)))
				}
				_, err := theirs.WithTx(tx).EnqueueMany(ctx, many)
				require.NoError(t, err)
				go func() {
					jobs, err := ours.EnqueueMany(t.Context(), []engine.NewJob{item("b"), item("a")})
					made <- jobs
					failed <- err
				}()
				watch := testdb.Open(t, text)
				require.Eventually(t, func() bool {
					n := 0
					return assert.NoError(t, watch.NewRaw(waiting).Scan(t.Context(), &n)) && n > 0
				}, patience, 5*time.Millisecond)
				_, err = theirs.WithTx(tx).Enqueue(ctx, input{}, engine.IdempotencyKey("b"))
				return err
			})
			jobs := receive(t, made)
			require.NoError(t, receive(t, failed))
			require.Len(t, jobs, 2)
			for i, key := range []string{"b", "a"} {
				assert.Equal(t, key, *jobs[i].IdempotencyKey)
				assert.Equal(t, err == nil, jobs[i].Existing)
			}
			n, countErr := db.NewSelect().Model((*model.Job)(nil)).Where("idempotency_key IN ('a', 'b')").Count(t.Context())
			require.NoError(t, countErr)
			assert.EqualValues(t, 2, n)
		})
	}
}
