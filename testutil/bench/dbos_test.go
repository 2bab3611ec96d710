package bench

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // DBOS's support of SQLite
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

const (
	dbosQueue    = "bench"
	dbosWorkflow = "bench"
	dbosVersion  = "1"
	dbosPoll     = 10 * time.Millisecond
)

// dbosOn is DBOS with one way to start its workflows and, on SQLite, with one
// setting of synchronous.
type dbosOn struct {
	direct      bool
	synchronous string
}

func dbosSystems() []system {
	postgres, sqlite := []testdb.Kind{testdb.Postgres}, []testdb.Kind{testdb.SQLite}
	return []system{
		dbosOn{}.system("DBOS queue", postgres),
		dbosOn{direct: true}.system("DBOS direct", postgres),
		dbosOn{synchronous: "FULL"}.system("DBOS queue, FULL", sqlite),
		dbosOn{direct: true, synchronous: "FULL"}.system("DBOS direct, FULL", sqlite),
		dbosOn{direct: true, synchronous: "NORMAL"}.system("DBOS direct, NORMAL", sqlite),
	}
}

func (d dbosOn) system(name string, on []testdb.Kind) system {
	one := system{name: name, on: on, prepare: d.prepare, run: d.run, serve: d.serve}
	if !d.direct {
		one.hotShare = 8 // a job for each poll
		one.client = d.client
	}
	return one
}

// open returns where its tables are: on PostgreSQL by an address, on SQLite by a
// pool, since the first connection of one that DBOS opens has synchronous NORMAL
// whatever its address says. The pool is as DBOS makes it otherwise.
func (d dbosOn) open(t *testing.T, address string) (url string, pool *sql.DB, done func()) {
	t.Helper()
	path, ok := strings.CutPrefix(address, "sqlite://")
	if !ok {
		return fmt.Sprintf("%s?pool_max_conns=%d", address, *dbosPool), nil, func() {}
	}
	pool, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)"+
		"&_pragma=foreign_keys(ON)&_pragma=synchronous("+d.synchronous+")")
	require.NoError(t, err)
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(4)
	return "", pool, func() { require.NoError(t, pool.Close()) }
}

// schema is the prefix of its tables.
func (d dbosOn) schema() string {
	if d.synchronous == "" {
		return "dbos."
	}
	return ""
}

func (d dbosOn) prepare(ctx context.Context, t *testing.T, address string, s shape) {
	stop := d.launch(ctx, t, address, s, func(_, _ int) {}, func(dbos.Context, dbos.Workflow[input, int]) {}) // makes the tables
	stop()
	if d.direct {
		return
	}
	client, done := d.connect(ctx, t, address)
	defer done()
	options := []dbos.QueueOption{dbos.WithQueueBasePollingInterval(dbosPoll), dbos.WithQueueOnConflict(dbos.QueueConflictAlwaysUpdate)}
	if s.types == 1 {
		options = append(options, dbos.WithWorkerConcurrency(1))
	}
	_, err := dbos.RegisterQueue(client, dbosQueue, options...)
	require.NoError(t, err)
	for i := range s.jobs {
		require.NoError(t, dbosEnqueue(client, i))
	}
}

func (d dbosOn) connect(ctx context.Context, t *testing.T, address string) (client dbos.Client, done func()) {
	t.Helper()
	url, pool, closePool := d.open(t, address)
	client, err := dbos.NewClient(ctx, dbos.ClientConfig{DatabaseURL: url, SQLiteSystemDB: pool, AppName: "bench", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return client, func() {
		require.NoError(t, dbos.Shutdown(client, time.Minute))
		closePool()
	}
}

func dbosEnqueue(client dbos.Client, job int) error {
	_, err := dbos.Enqueue[int](client, dbosQueue, dbosWorkflow, input{N: job}, dbos.WithEnqueueApplicationVersion(dbosVersion))
	return err
}

// launch starts DBOS with the workload's workflow, and gives it to use.
func (d dbosOn) launch(ctx context.Context, t *testing.T, address string, s shape, reached func(job, step int), use func(dbos.Context, dbos.Workflow[input, int])) (stop func()) {
	t.Helper()
	url, pool, closePool := d.open(t, address)
	app, err := dbos.NewContext(ctx, dbos.Config{
		DatabaseURL:        url,
		SQLiteSystemDB:     pool,
		AppName:            "bench",
		Logger:             slog.New(slog.DiscardHandler), // its shutdown is noisy; the counts show what went wrong
		ApplicationVersion: dbosVersion,
		ExecutorID:         "bench",
	})
	require.NoError(t, err)
	workflow := dbosSteps(s, reached)
	dbos.RegisterWorkflow(app, workflow, dbos.WithWorkflowName(dbosWorkflow))
	require.NoError(t, dbos.Launch(app))
	use(app, workflow)
	return func() {
		require.NoError(t, dbos.Shutdown(app, time.Minute))
		closePool()
	}
}

func dbosSteps(s shape, reached func(job, step int)) dbos.Workflow[input, int] {
	names := make([]dbos.StepOption, s.steps)
	for i := range names {
		names[i] = dbos.WithStepName(stepName(i))
	}
	return func(ctx dbos.Context, in input) (int, error) {
		for i := range s.steps {
			if _, err := dbos.RunAsStep(ctx, func(context.Context) (int, error) {
				reached(in.N, i)
				return i, nil
			}, names[i]); err != nil {
				return 0, err
			}
		}
		return s.steps, nil
	}
}

func (d dbosOn) run(ctx context.Context, t *testing.T, address string, s shape) figure {
	last := lastOf(s)
	stop := d.launch(ctx, t, address, s, last.reached, func(app dbos.Context, workflow dbos.Workflow[input, int]) {
		if !d.direct {
			return
		}
		var all sync.WaitGroup
		for g := range s.types {
			all.Go(func() {
				for i := g; i < s.jobs; i += s.types {
					if err := runDirect(app, workflow, input{N: i}); err != nil {
						t.Errorf("workflow: %v", err)
					}
				}
			})
		}
		all.Wait()
	})
	reached(ctx, t, last.done)
	ending(ctx, t, address, "SELECT count(*) FROM "+d.schema()+"workflow_status WHERE status = 'SUCCESS'", s.jobs)
	took := last.took()
	stop()
	db := connect(t, address)
	defer db.Close()
	require.Equal(t, s.jobs*s.steps, scan[int](t, db, "SELECT count(*) FROM "+d.schema()+"operation_outputs WHERE error IS NULL"), "steps recorded")
	return took
}

// runDirect runs a workflow to its end.
func runDirect(app dbos.Context, workflow dbos.Workflow[input, int], in input) error {
	handle, err := dbos.RunWorkflow(app, workflow, in)
	if err != nil {
		return err
	}
	_, err = handle.GetResult()
	return err
}

func (d dbosOn) serve(ctx context.Context, t *testing.T, address string, _ shape, began func(job int)) (enqueue func(job int) error, stop func()) {
	stop = d.launch(ctx, t, address, shape{steps: 1}, func(job, _ int) { began(job) }, func(app dbos.Context, workflow dbos.Workflow[input, int]) {
		enqueue = func(job int) error { return dbosEnqueue(app, job) }
		if d.direct {
			enqueue = func(job int) error {
				_, err := dbos.RunWorkflow(app, workflow, input{N: job})
				return err
			}
		}
	})
	return enqueue, stop
}

func (d dbosOn) client(ctx context.Context, t *testing.T, address string) (enqueue func(job int) error, done func()) {
	client, done := d.connect(ctx, t, address)
	return func(job int) error { return dbosEnqueue(client, job) }, done
}
