package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// riverOn is River with one of its drivers, whose transactions are TTx.
type riverOn[TTx any] struct {
	open   func(ctx context.Context, t *testing.T, address string) (riverdriver.Driver[TTx], func())
	record func(ctx context.Context, driver riverdriver.Driver[TTx], job *river.Job[riverArgs]) error
	// finished is the query for the jobs completed with their steps' record.
	finished func(s shape) string
}

func riverSystems() []system {
	postgres := riverOn[pgx.Tx]{
		open: func(ctx context.Context, t *testing.T, address string) (riverdriver.Driver[pgx.Tx], func()) {
			config, err := pgxpool.ParseConfig(address)
			require.NoError(t, err)
			config.MaxConns = int32(*riverPool)
			pool, err := pgxpool.NewWithConfig(ctx, config)
			require.NoError(t, err)
			return riverPgx{riverpgxv5.New(pool), pool}, pool.Close
		},
		record: func(ctx context.Context, driver riverdriver.Driver[pgx.Tx], job *river.Job[riverArgs]) error {
			tx, err := driver.(riverPgx).pool.Begin(ctx)
			if err != nil {
				return err
			}
			defer tx.Rollback(ctx)
			if _, err := river.ResumableSetStepTx[*riverpgxv5.Driver](ctx, tx, job); err != nil {
				return err
			}
			return tx.Commit(ctx)
		},
		finished: func(s shape) string {
			return "SELECT count(*) FROM river_job WHERE state = 'completed'" + recorded(s, "metadata->>'river:resumable_step'")
		},
	}
	sqlite := riverOn[*sql.Tx]{
		open: func(_ context.Context, t *testing.T, address string) (riverdriver.Driver[*sql.Tx], func()) {
			path := strings.TrimPrefix(address, "sqlite://")
			db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
			require.NoError(t, err)
			db.SetMaxOpenConns(1)
			return riverSQLite{riversqlite.New(db), db}, func() { db.Close() }
		},
		record: func(ctx context.Context, driver riverdriver.Driver[*sql.Tx], job *river.Job[riverArgs]) error {
			tx, err := driver.(riverSQLite).db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			if _, err := river.ResumableSetStepTx[*riversqlite.Driver](ctx, tx, job); err != nil {
				return err
			}
			return tx.Commit()
		},
		finished: func(s shape) string {
			return "SELECT count(*) FROM river_job WHERE state = 'completed'" + recorded(s, `json(metadata)->>'$."river:resumable_step"'`)
		},
	}
	return []system{
		{name: "River", on: []testdb.Kind{testdb.Postgres}, prepare: postgres.prepare, run: postgres.run, serve: postgres.serve, client: postgres.client},
		{name: "River", on: []testdb.Kind{testdb.SQLite}, prepare: sqlite.prepare, run: sqlite.run, serve: sqlite.serve, client: sqlite.client},
	}
}

// recorded asks for the last step that has a write of its own.
func recorded(s shape, column string) string {
	if s.steps == 1 {
		return ""
	}
	return fmt.Sprintf(" AND %s = '%s'", column, stepName(s.steps-2))
}

type riverPgx struct {
	*riverpgxv5.Driver
	pool *pgxpool.Pool
}

type riverSQLite struct {
	*riversqlite.Driver
	db *sql.DB
}

type riverArgs struct {
	input
}

func (riverArgs) Kind() string { return "bench" }

type riverWorker struct {
	river.WorkerDefaults[riverArgs]
	work func(ctx context.Context, job *river.Job[riverArgs]) error
}

func (w *riverWorker) Work(ctx context.Context, job *river.Job[riverArgs]) error {
	return w.work(ctx, job)
}

func (r riverOn[TTx]) prepare(ctx context.Context, t *testing.T, address string, s shape) {
	driver, done := r.open(ctx, t, address)
	defer done()
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet()})
	require.NoError(t, err)
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	require.NoError(t, err)
	if s.jobs == 0 {
		return
	}
	client, err := river.NewClient(driver, &river.Config{Logger: quiet()})
	require.NoError(t, err)
	params := make([]river.InsertManyParams, s.jobs)
	for i := range params {
		params[i].Args = riverArgs{input{N: i}}
	}
	_, err = client.InsertManyFast(ctx, params)
	require.NoError(t, err)
}

func (r riverOn[TTx]) worker(t *testing.T, driver riverdriver.Driver[TTx], s shape, reached func(job, step int)) *river.Client[TTx] {
	t.Helper()
	workers := river.NewWorkers()
	river.AddWorker(workers, &riverWorker{work: func(ctx context.Context, job *river.Job[riverArgs]) error {
		for i := range s.steps {
			river.ResumableStep(ctx, stepName(i), nil, func(ctx context.Context) error {
				reached(job.Args.N, i)
				if i == s.steps-1 {
					return nil // the job's completion records it
				}
				return r.record(ctx, driver, job)
			})
		}
		return nil
	}})
	client, err := river.NewClient(driver, &river.Config{
		Logger:            quiet(),
		Workers:           workers,
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: s.types}},
		FetchCooldown:     time.Millisecond,
		FetchPollInterval: 10 * time.Millisecond,
		JobTimeout:        -1,
	})
	require.NoError(t, err)
	return client
}

func (r riverOn[TTx]) run(ctx context.Context, t *testing.T, address string, s shape) figure {
	driver, done := r.open(ctx, t, address)
	defer done()
	last := lastOf(s)
	client := r.worker(t, driver, s, last.reached)
	require.NoError(t, client.Start(ctx))
	reached(ctx, t, last.done)
	ending(ctx, t, address, r.finished(s), s.jobs)
	took := last.took()
	require.NoError(t, client.Stop(ctx))
	return took
}

func (r riverOn[TTx]) serve(ctx context.Context, t *testing.T, address string, _ shape, began func(job int)) (enqueue func(job int) error, stop func()) {
	driver, done := r.open(ctx, t, address)
	client := r.worker(t, driver, shape{types: 100, steps: 1}, func(job, _ int) { began(job) })
	require.NoError(t, client.Start(ctx))
	return riverEnqueue(ctx, client), func() {
		require.NoError(t, client.Stop(ctx))
		done()
	}
}

func (r riverOn[TTx]) client(ctx context.Context, t *testing.T, address string) (enqueue func(job int) error, done func()) {
	driver, done := r.open(ctx, t, address)
	client, err := river.NewClient(driver, &river.Config{Logger: quiet()})
	require.NoError(t, err)
	return riverEnqueue(ctx, client), done
}

func riverEnqueue[TTx any](ctx context.Context, client *river.Client[TTx]) func(job int) error {
	return func(job int) error {
		_, err := client.Insert(ctx, riverArgs{input{N: job}}, nil)
		return err
	}
}
