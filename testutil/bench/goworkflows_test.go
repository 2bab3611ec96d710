package bench

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cschleiden/go-workflows/backend"
	"github.com/cschleiden/go-workflows/backend/history"
	"github.com/cschleiden/go-workflows/backend/monoprocess"
	"github.com/cschleiden/go-workflows/backend/postgres"
	"github.com/cschleiden/go-workflows/backend/sqlite"
	"github.com/cschleiden/go-workflows/client"
	"github.com/cschleiden/go-workflows/registry"
	"github.com/cschleiden/go-workflows/worker"
	"github.com/cschleiden/go-workflows/workflow"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

const (
	goWorkflow = "bench"
	goActivity = "step"
)

func goWorkflowsSystems() []system {
	return []system{{
		name:    "go-workflows",
		on:      []testdb.Kind{testdb.SQLite, testdb.Postgres},
		share:   4,
		prepare: prepareGoWorkflows,
		run:     runGoWorkflows,
		serve:   serveGoWorkflows,
	}}
}

// openGoWorkflows makes the tables, too.
func openGoWorkflows(t *testing.T, address string) backend.Backend {
	t.Helper()
	if path, ok := strings.CutPrefix(address, "sqlite://"); ok {
		return monoprocess.NewMonoprocessBackend(sqlite.NewSqliteBackend(path, sqlite.WithBackendOptions(backend.WithLogger(quiet()))))
	}
	c := parsePostgres(t, address)
	return monoprocess.NewMonoprocessBackend(postgres.NewPostgresBackend(c.Host, int(c.Port), c.User, c.Password, c.Database,
		postgres.WithBackendOptions(backend.WithLogger(quiet())),
		postgres.WithPostgresOptions(func(db *sql.DB) {
			db.SetMaxOpenConns(32)
			db.SetMaxIdleConns(32)
		})))
}

func prepareGoWorkflows(ctx context.Context, t *testing.T, address string, s shape) {
	b := openGoWorkflows(t, address)
	defer b.Close()
	c := client.New(b)
	for i := range s.jobs {
		require.NoError(t, createGoWorkflow(ctx, c, i, i))
	}
}

func createGoWorkflow(ctx context.Context, c *client.Client, i, job int) error {
	_, err := c.CreateWorkflowInstance(ctx, client.WorkflowInstanceOptions{InstanceID: fmt.Sprint("bench-", i)}, goWorkflow, input{N: job})
	return err
}

// startGoWorkflows runs a worker until the func that it returns is called.
func startGoWorkflows(ctx context.Context, t *testing.T, b backend.Backend, s shape, reached func(job, step int)) (stop func()) {
	t.Helper()
	options := worker.DefaultOptions
	options.WorkflowPollers, options.ActivityPollers = 16, 16
	if s.types == 1 {
		options.MaxParallelWorkflowTasks, options.MaxParallelActivityTasks = 1, 1
	}
	options.WorkflowPollingInterval, options.ActivityPollingInterval = time.Millisecond, time.Millisecond
	options.WorkflowExecutorCacheSize = 10_000
	w := worker.New(b, &options)
	require.NoError(t, w.RegisterWorkflow(func(ctx workflow.Context, in input) (int, error) {
		for i := range s.steps {
			if _, err := workflow.ExecuteActivity[int](ctx, workflow.DefaultActivityOptions, goActivity, in.N, i).Get(ctx); err != nil {
				return 0, err
			}
		}
		return s.steps, nil
	}, registry.WithName(goWorkflow)))
	require.NoError(t, w.RegisterActivity(func(_ context.Context, job, i int) (int, error) {
		reached(job, i)
		return i, nil
	}, registry.WithName(goActivity)))
	ctx, cancel := context.WithCancel(ctx)
	require.NoError(t, w.Start(ctx))
	return func() {
		cancel()
		require.NoError(t, w.WaitForCompletion())
	}
}

func runGoWorkflows(ctx context.Context, t *testing.T, address string, s shape) figure {
	b := openGoWorkflows(t, address)
	defer b.Close()
	last := lastOf(s)
	stop := startGoWorkflows(ctx, t, b, s, last.reached)
	reached(ctx, t, last.done)
	ending(ctx, t, address, "SELECT count(*) FROM instances WHERE completed_at IS NOT NULL", s.jobs)
	took := last.took()
	stop()
	db := connect(t, address)
	defer db.Close()
	query := fmt.Sprintf("SELECT count(*) FROM history WHERE event_type = %d", history.EventType_ActivityCompleted)
	require.Equal(t, s.jobs*s.steps, scan[int](t, db, query), "steps recorded")
	return took
}

func serveGoWorkflows(ctx context.Context, t *testing.T, address string, _ shape, began func(job int)) (enqueue func(job int) error, stop func()) {
	b := openGoWorkflows(t, address)
	end := startGoWorkflows(ctx, t, b, shape{types: 100, steps: 1}, func(job, _ int) { began(job) })
	c, made := client.New(b), 0
	return func(job int) error {
			made++
			return createGoWorkflow(ctx, c, made, job)
		}, func() {
			end()
			b.Close()
		}
}
