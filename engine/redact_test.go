package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// journal keeps all that is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *journal) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(line)
}

func (r *journal) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// logged returns config with a log of everything, and that log.
func logged() (engine.Config, *journal) {
	log, cfg := &journal{}, config()
	cfg.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return cfg, log
}

// secrets is a definition that puts its input's text, with a suffix, wherever a step can.
// Its last step fails, with an error that quotes an output.
func secrets() *steps.Definition[input] {
	d := steps.Define[input]()
	first := steps.Add(d, "output", func(ctx context.Context, run *steps.Run[input]) (string, error) {
		run.Progress(1, 2, "at %s-message", run.Input().Text)
		if err := errors.Join(run.Checkpoint(ctx, run.Input().Text+"-checkpoint"), run.SetResult(run.Input().Text+"-result")); err != nil {
			return "", err
		}
		if run.Attempt() == 1 {
			return "", errBoom
		}
		return run.Input().Text + "-output", nil
	}, steps.Retry(2, time.Millisecond))
	steps.AwaitSignal[input, string](d, "signal")
	steps.Do(d, "end", func(_ context.Context, run *steps.Run[input]) error {
		if run.Input().N > 0 {
			return fmt.Errorf("%s is not wanted", first.Output(run))
		}
		return nil
	})
	return d
}

func TestTheLogHasNoInputsAndOutputs(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		cfg, log := logged()
		eng := newEngine(t, db, cfg, secrets())
		stop := start(t, eng)
		job := enqueue(t, eng, input{Text: "s3cr3t"}, engine.Email("s3cr3t@x.org"))
		_, err := eng.Signal(t.Context(), job.ID, "signal", "s3cr3t-payload", "")
		require.NoError(t, err)
		require.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
		stop()
		assert.Contains(t, log.String(), job.ID.String())
		assert.NotContains(t, log.String(), "s3cr3t")
	})
}

func TestWhatIsRedactedIsNeitherLoggedNorShown(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		cfg, log := logged()
		cfg.Redact = func(model.Value) json.RawMessage { return nil }
		eng := newEngine(t, db, cfg, secrets())
		shown := eng.Redacted()
		stop := start(t, eng)
		show := func(value any, err error) {
			t.Helper()
			require.NoError(t, err)
			raw, err := json.Marshal(value)
			require.NoError(t, err)
			assert.NotContains(t, string(raw), "s3cr3t")
		}
		job, err := shown.Enqueue(t.Context(), input{N: 1, Text: "s3cr3t"}, engine.IdempotencyKey("k"), engine.Email("s3cr3t@x.org"))
		show(job, err)
		show(shown.EnqueueMany(t.Context(), []engine.NewJob{{Input: input{Text: "s3cr3t"}, Options: []engine.EnqueueOption{engine.IdempotencyKey("k")}}}))
		show(shown.Signal(t.Context(), job.ID, "signal", "s3cr3t-payload", ""))
		show(shown.Wait(t.Context(), job.ID, func(s *model.JobView) { show(s, nil) }))
		stop()
		assert.Contains(t, log.String(), model.Hidden+" is not wanted")
		assert.NotContains(t, log.String(), "s3cr3t")
		show(shown.Job(t.Context(), job.ID))
		show(shown.LatestJob(t.Context(), job.Type))
		show(shown.List(t.Context(), engine.Filter{}))
		show(shown.DryRun(t.Context(), job.ID))

		status, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Contains(t, status.Error, "s3cr3t-output is not wanted", "programs get what is there")
		require.NoError(t, shown.Resume(t.Context(), job.ID))
		row, err := eng.Job(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Contains(t, string(row.Data), "s3cr3t-output", "and so do the steps")
	})
}

func TestTheErrorOfARejectedInputDoesNotQuoteItsSecrets(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.Redact = func(model.Value) json.RawMessage { return nil }
	eng := newEngine(t, testdb.Open(t, testdb.DSN(t, testdb.SQLite)), cfg)
	for _, in := range []string{`"s3cr3t`, `{"a": s3cr3t}`, `[12345678901234567890123]`, `"s3cr3t\u0000"`} {
		raw := engine.RawInput{Type: "t", Input: json.RawMessage(in)}
		_, err := eng.Redacted().Enqueue(t.Context(), raw)
		require.ErrorIs(t, err, engine.ErrInvalid)
		_, many := eng.Redacted().EnqueueMany(t.Context(), []engine.NewJob{{Input: raw}})
		require.ErrorIs(t, many, engine.ErrInvalid)
		for _, secret := range []string{"s3cr3t", "1234567890"} {
			assert.NotContains(t, err.Error()+many.Error(), secret)
		}
	}
}
