package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// Several processes enqueue with one key at the same moment, some of them in transactions
// of their own, of which some are rolled back: there is one job, each caller whose work was
// committed gets that one, and it runs once.
func TestOfManyEnqueuesWithOneKeyThereIsOneJob(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		const crowd, engines, rounds = 50, 3, 6
		var done ledger
		d := one("test:job", func(_ context.Context, run *steps.Run[input]) error { done.note(run.IdempotencyKey()); return nil })
		var dbs []*bun.DB
		var engs []*engine.Engine
		for range engines {
			db := testdb.Open(t, text)
			dbs, engs = append(dbs, db), append(engs, newEngine(t, db, unasked(), d))
		}
		start(t, engs[0])
		rolledBack := errors.New("rolled back")
		for round := range rounds {
			key := engine.IdempotencyKey(fmt.Sprint("key-", round))
			jobs := make([]*model.Job, crowd)
			errs := atOnce(crowd, func(i int) (err error) {
				eng, db := engs[i%engines], dbs[i%engines]
				if i/engines%3 == 0 {
					jobs[i], err = eng.Enqueue(t.Context(), input{N: i}, key)
					return err
				}
				for {
					err := db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
						if jobs[i], err = eng.WithTx(tx).Enqueue(ctx, input{N: i}, key); err != nil || i/engines%3 == 1 {
							return err
						}
						return rolledBack
					})
					if dead := (*mysql.MySQLError)(nil); !errors.As(err, &dead) || dead.Number != 1213 {
						return err
					} // the database has ended it because of a deadlock
				}
			})
			made := make(map[uuid.UUID]int)
			for i, err := range errs {
				if i/engines%3 == 2 {
					require.ErrorIs(t, err, rolledBack)
					continue
				}
				require.NoError(t, err)
				if n := made[jobs[i].ID]; !jobs[i].Existing {
					made[jobs[i].ID] = n + 1
				} else {
					made[jobs[i].ID] = n
				}
			}
			require.Len(t, made, 1, "all get the same job")
			for id, n := range made {
				assert.Equal(t, 1, n, "one has made it")
				engs[0].Wake()
				require.Equal(t, model.Succeeded, ended(t, engs[1], id).Status)
				assert.Equal(t, 1, done.of(id, "only"))
			}
			sound(t, dbs[0])
		}
		n, err := dbs[0].NewSelect().Model((*model.Job)(nil)).Count(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, rounds, n)
	})
}

// An immediate job is enqueued while the running one of its type ends, and others wait: it
// runs before or after them, each runs once, and no two at the same time.
func TestAnImmediateJobRacesWithTheEndOfTheRunningOne(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var log diary
		begun, release := make(chan uuid.UUID), make(chan struct{})
		d := one("test:job", func(_ context.Context, run *steps.Run[input]) error {
			name := run.Job().Name
			log.write("%s", name)
			if name == "busy" {
				begun <- run.Job().ID
				<-release
			}
			log.write("-%s", name)
			return nil
		})
		db := testdb.Open(t, text)
		runs, other := newEngine(t, db, unasked(), d), newEngine(t, testdb.Open(t, text), unasked())
		start(t, runs)
		contest(t, db, raced{
			must: []string{"busy -busy one -one two -two now -now"},
			may:  []string{"busy -busy now -now one -one two -two", "busy -busy one -one now -now two -two"},
		}, func(o startOrder, _ int) string {
			busy := enqueue(t, runs, input{}, engine.Name("busy"))
			receive(t, begun)
			ids := []uuid.UUID{busy.ID, enqueue(t, other, input{}, engine.Name("one")).ID, enqueue(t, other, input{}, engine.Name("two")).ID, uuid.Nil}
			_, err := o.race(
				side{func() error { release <- struct{}{}; return nil }, func() { ended(t, runs, ids[2]) }},
				side{do: func() error {
					job, err := runs.Enqueue(t.Context(), input{}, engine.Immediately(), engine.Name("now"))
					if err == nil {
						ids[3] = job.ID
					}
					return err
				}})
			require.NoError(t, err)
			for _, id := range ids {
				require.Equal(t, model.Succeeded, ended(t, runs, id).Status)
			}
			lines := log.read()
			assert.Len(t, slices.Compact(strings.Fields(lines)), 8)
			return lines
		})
	})
}
