package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// counted is a listener that sends a signal when it listens.
type counted struct {
	engine.Listener
	ready chan struct{}
}

func (c counted) Listen(ctx context.Context, channel string, ready func(), notify func(string)) error {
	return c.Listener.Listen(ctx, channel, func() { ready(); c.ready <- struct{}{} }, notify)
}

// notifiedOnly makes an engine that polls only when it is notified.
func notifiedOnly(t *testing.T, text string) (engine.Config, counted) {
	t.Helper()
	listener, err := dsn.NewListener(text)
	require.NoError(t, err)
	cfg := config()
	cfg.Poll = time.Hour
	l := counted{listener, make(chan struct{}, 8)}
	cfg.Listener = l
	return cfg, l
}

func TestANotificationWakesAnotherProcessesEngine(t *testing.T) {
	t.Parallel()
	text := testdb.DSN(t, testdb.Postgres)
	cfg, l := notifiedOnly(t, text)
	eng := newEngine(t, testdb.Open(t, text), cfg, three(), one("other", nothing))
	start(t, eng)
	receive(t, l.ready)
	db := testdb.Open(t, text)
	other := newEngine(t, db, config())
	assert.Equal(t, model.Succeeded, ended(t, other, enqueue(t, other, input{}).ID).Status)

	// In a transaction, the notification comes with the commit.
	var job *model.Job
	require.NoError(t, db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) (err error) {
		job, err = other.WithTx(tx).Enqueue(ctx, input{})
		return err
	}))
	assert.Equal(t, model.Succeeded, ended(t, other, job.ID).Status)

	// A burst wakes it for each type, and for the last job as for the first.
	var items []engine.NewJob
	for i := range 50 {
		items = append(items, engine.NewJob{Input: input{N: i}}, engine.NewJob{Input: raw("other")})
	}
	jobs, err := other.EnqueueMany(t.Context(), items)
	require.NoError(t, err)
	for _, j := range jobs {
		assert.Equal(t, model.Succeeded, ended(t, other, j.ID).Status)
	}
}

func TestANotificationDeliversACancelRequest(t *testing.T) {
	t.Parallel()
	text := testdb.DSN(t, testdb.Postgres)
	cfg, l := notifiedOnly(t, text)
	begun, causes := make(chan struct{}, 1), make(chan error, 1)
	eng := newEngine(t, testdb.Open(t, text), cfg, blocking(begun, causes))
	start(t, eng)
	receive(t, l.ready)
	other := newEngine(t, testdb.Open(t, text), config())
	job := enqueue(t, other, input{})
	receive(t, begun)
	require.NoError(t, other.Cancel(t.Context(), job.ID, "ann", ""))
	require.ErrorIs(t, receive(t, causes), engine.ErrCancelled)
	assert.Equal(t, model.Cancelled, ended(t, other, job.ID).Status)
}

// The listening connection breaks; what is enqueued during the outage is found when it is
// back.
func TestAListenerThatLosesItsConnectionReconnects(t *testing.T) {
	t.Parallel()
	text := testdb.DSN(t, testdb.Postgres)
	cfg, l := notifiedOnly(t, text)
	db := testdb.Open(t, text)
	eng := newEngine(t, db, cfg, three())
	start(t, eng)
	receive(t, l.ready)
	other := newEngine(t, testdb.Open(t, text), config())
	for range 3 {
		var ended1 bool
		require.NoError(t, db.NewRaw(`SELECT bool_and(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`).Scan(t.Context(), &ended1))
		require.True(t, ended1)
		job := enqueue(t, other, input{})
		receive(t, l.ready)
		assert.Equal(t, model.Succeeded, ended(t, other, job.ID).Status)
	}
}

// scripted is a listener whose notifications the test sends.
type scripted chan string

func (c scripted) Listen(ctx context.Context, _ string, ready func(), notify func(string)) error {
	ready()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case payload := <-c:
			notify(payload)
		}
	}
}

// On every database a notification has its effect, whatever sends it, and one without a
// meaning has none.
func TestWhatNotificationsDo(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		words := make(scripted)
		cfg := config()
		cfg.Poll, cfg.Listener = time.Hour, words
		var ran atomic.Int32
		eng := newEngine(t, db, cfg, one("test:job", func(context.Context, *steps.Run[input]) error { ran.Add(1); return nil }))
		start(t, eng)
		for _, word := range []string{"", "due", "due elsewhere", "cancel", "cancel x", "news"} {
			words <- word
		}
		for i := range 3 {
			_, err := db.NewRaw("INSERT INTO job_system_jobs (id, type, data) VALUES (?, 'test:job', '{}')", fmt.Sprintf("01890000-0000-7000-8000-00000000000%d", i)).Exec(t.Context())
			require.NoError(t, err)
			words <- "due test:job"
			ended(t, eng, uuidOf(fmt.Sprintf("01890000-0000-7000-8000-00000000000%d", i)))
		}
		assert.EqualValues(t, 3, ran.Load())
	})
}
