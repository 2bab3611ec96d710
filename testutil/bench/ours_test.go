package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	jobsteps "github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// input is what every system's jobs are given.
type input struct {
	N int `json:"n"`
}

func oursSystems() []system {
	return []system{{
		name:    "ours",
		on:      []testdb.Kind{testdb.SQLite, testdb.Postgres, testdb.MariaDB},
		prepare: prepareOurs,
		run:     runOurs,
		serve:   serveOurs,
		client:  clientOurs,
	}}
}

func typeName(k int) string { return fmt.Sprint("bench-", k) }

func prepareOurs(ctx context.Context, t *testing.T, address string, s shape) {
	db := openOurs(ctx, t, address)
	defer db.Close()
	require.NoError(t, migrations.Migrate(ctx, db))
	enqueue := enqueueOurs(ctx, register(t, db, engine.Config{}, s, func(_, _ int) {}))
	for i := range s.jobs {
		require.NoError(t, enqueue(i%s.types))
	}
}

func openOurs(ctx context.Context, t *testing.T, address string) *bun.DB {
	t.Helper()
	db, err := dsn.Open(ctx, address)
	require.NoError(t, err)
	return db
}

// register returns an engine with the workload's types. Each step calls
// reached with its type's number and its own.
func register(t *testing.T, db *bun.DB, cfg engine.Config, s shape, reached func(k, step int)) *engine.Engine {
	t.Helper()
	cfg.Logger = quiet()
	eng, err := engine.New(db, cfg)
	require.NoError(t, err)
	for k := range s.types {
		d := jobsteps.Define[input](jobsteps.Type(typeName(k)))
		for i := range s.steps {
			jobsteps.Do(d, stepName(i), func(context.Context, *jobsteps.Run[input]) error {
				reached(k, i)
				return nil
			})
		}
		require.NoError(t, eng.Register(d))
	}
	return eng
}

func runOurs(ctx context.Context, t *testing.T, address string, s shape) figure {
	db := openOurs(ctx, t, address)
	defer db.Close()
	last := lastOf(s)
	eng := register(t, db, engine.Config{}, s, last.reached)
	stop := start(ctx, t, eng)
	reached(ctx, t, last.done)
	ending(ctx, t, address, "SELECT count(*) FROM job_system_jobs WHERE status = 'succeeded'", s.jobs)
	took := last.took()
	stop()
	recorded := 0
	asked.Add(1)
	rows, err := db.QueryContext(ctx, "SELECT data FROM job_system_jobs")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var text []byte
		require.NoError(t, rows.Scan(&text))
		var data struct{ Steps []model.StepRecord }
		require.NoError(t, json.Unmarshal(text, &data))
		for _, one := range data.Steps {
			if one.Status == model.StepCompleted {
				recorded++
			}
		}
	}
	require.NoError(t, rows.Err())
	require.Equal(t, s.jobs*s.steps, recorded, "steps recorded")
	return took
}

func serveOurs(ctx context.Context, t *testing.T, address string, s shape, began func(job int)) (enqueue func(job int) error, stop func()) {
	db := openOurs(ctx, t, address)
	var cfg engine.Config
	if s.name == "process" {
		listener, err := dsn.NewListener(address)
		require.NoError(t, err)
		cfg.Listener = listener
	}
	eng := register(t, db, cfg, shape{types: s.types, steps: 1}, func(k, _ int) { began(k) })
	end := start(ctx, t, eng)
	return enqueueOurs(ctx, eng), func() {
		end()
		db.Close()
	}
}

func clientOurs(ctx context.Context, t *testing.T, address string) (enqueue func(job int) error, done func()) {
	db := openOurs(ctx, t, address)
	return enqueueOurs(ctx, register(t, db, engine.Config{}, shape{}, nil)), func() { db.Close() }
}

func enqueueOurs(ctx context.Context, eng *engine.Engine) func(job int) error {
	return func(job int) error {
		_, err := eng.Enqueue(ctx, engine.RawInput{Type: typeName(job), Input: fmt.Appendf(nil, `{"n":%d}`, job)})
		return err
	}
}

// start runs an engine until the func that it returns is called.
func start(ctx context.Context, t *testing.T, eng *engine.Engine) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- eng.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-stopped)
	}
}
