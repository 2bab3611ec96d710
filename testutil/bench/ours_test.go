package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	jobsteps "github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// input is what every system's jobs are given.
type input struct {
	N int `json:"n"`
}

func oursSystems() []system {
	return []system{{
		name:    "ours",
		on:      []testutil.Kind{testutil.SQLite, testutil.Postgres, testutil.MariaDB},
		prepare: prepareOurs,
		run:     runOurs,
		first:   firstOurs,
	}}
}

func typeName(k int) string { return fmt.Sprint("bench-", k) }

func prepareOurs(ctx context.Context, t *testing.T, address string, s shape) {
	db := openOurs(ctx, t, address)
	defer db.Close()
	require.NoError(t, migrations.Migrate(ctx, db))
	eng := register(t, db, s, func(int) {})
	for i := range s.jobs {
		_, err := eng.Enqueue(ctx, engine.Raw{Type: typeName(i % s.types), Input: fmt.Appendf(nil, `{"n":%d}`, i)})
		require.NoError(t, err)
	}
}

func openOurs(ctx context.Context, t *testing.T, address string) *bun.DB {
	t.Helper()
	db, err := dsn.Open(ctx, address)
	require.NoError(t, err)
	return db
}

// register returns an engine with the workload's types. Each step calls
// reached with its number.
func register(t *testing.T, db *bun.DB, s shape, reached func(step int)) *engine.Engine {
	t.Helper()
	eng, err := engine.New(db, engine.Config{Logger: quiet()})
	require.NoError(t, err)
	for k := range s.types {
		d := jobsteps.Define[input](jobsteps.Type(typeName(k)))
		for i := range s.steps {
			jobsteps.Do(d, stepName(i), func(context.Context, *jobsteps.Run[input]) error {
				reached(i)
				return nil
			})
		}
		require.NoError(t, eng.Register(d))
	}
	return eng
}

func runOurs(ctx context.Context, t *testing.T, address string, s shape) time.Duration {
	db := openOurs(ctx, t, address)
	defer db.Close()
	last := lastOf(s)
	eng := register(t, db, s, last.reached)
	stop := start(ctx, t, eng)
	reached(ctx, t, last.done)
	ending(ctx, t, address, "SELECT count(*) FROM job_system_jobs WHERE status = 'succeeded'", s.jobs)
	took := last.took()
	stop()
	recorded := 0
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

func firstOurs(ctx context.Context, t *testing.T, address string, n int) []time.Duration {
	db := openOurs(ctx, t, address)
	defer db.Close()
	began := make(chan time.Time, 1)
	eng := register(t, db, shape{types: 1, steps: 1}, func(int) { began <- time.Now() })
	defer start(ctx, t, eng)()
	time.Sleep(200 * time.Millisecond)
	return spaced(ctx, t, n, began, func() error {
		_, err := eng.Enqueue(ctx, engine.Raw{Type: typeName(0), Input: []byte(`{"n":1}`)})
		return err
	})
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

// counter tells when the first step of a workload's first job and the last
// step of its last are reached.
type counter struct {
	shape shape
	begin sync.Once
	began time.Time
	ended atomic.Int64
	done  chan struct{}
}

func lastOf(s shape) *counter { return &counter{shape: s, done: make(chan struct{}, 1)} }

func (c *counter) reached(step int) {
	c.begin.Do(func() { c.began = time.Now() })
	if step == c.shape.steps-1 && c.ended.Add(1) == int64(c.shape.jobs) {
		c.done <- struct{}{}
	}
}

// took is the time since the first step began.
func (c *counter) took() time.Duration { return time.Since(c.began) }

func stepName(i int) string { return fmt.Sprint("step-", i) }
