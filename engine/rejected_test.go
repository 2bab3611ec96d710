package engine_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// rejectPoison makes the jobs' table reject each document and checkpoint with that word in
// it, as a rule of a database's administrator may.
func rejectPoison(t *testing.T, db *bun.DB) {
	t.Helper()
	rules := map[dialect.Name][]string{
		dialect.SQLite: {`CREATE TRIGGER no_poison BEFORE UPDATE ON job_system_jobs
			WHEN NEW.data LIKE '%poison%' OR NEW.checkpoints LIKE '%poison%' BEGIN SELECT RAISE(ABORT, 'no_poison'); END`},
		dialect.PG:    {`ALTER TABLE job_system_jobs ADD CONSTRAINT no_poison CHECK (data::text NOT LIKE '%poison%' AND checkpoints::text NOT LIKE '%poison%')`},
		dialect.MySQL: {"ALTER TABLE job_system_jobs ADD CONSTRAINT no_poison CHECK (CAST(data AS CHAR) NOT LIKE '%poison%' AND CAST(checkpoints AS CHAR) NOT LIKE '%poison%')"},
	}
	for _, rule := range rules[db.Dialect().Name()] {
		_, err := db.ExecContext(t.Context(), rule)
		require.NoError(t, err)
	}
}

// What the database rejects is the job's own failure, after a time in which it could have
// been the database's; other jobs continue.
func TestAJobWhoseRecordTheDatabaseRejectsFailsWithThat(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		rejectPoison(t, db)
		var logs safeBuffer
		cfg := mortal()
		cfg.Logger = slog.New(slog.NewTextHandler(&logs, nil))
		output := func(context.Context, *steps.Run[input]) (string, error) { return "poison", nil }
		middle := steps.Define[input](steps.Type("middle"))
		steps.Add(middle, "first", output)
		steps.Do(middle, "second", nothing)
		last := steps.Define[input](steps.Type("last"))
		steps.Do(last, "first", nothing)
		steps.Add(last, "second", output)
		eng := newEngine(t, db, cfg, middle, last, one("healthy", nothing),
			one("checkpoint", func(ctx context.Context, run *steps.Run[input]) error { return run.Checkpoint(ctx, "poison") }))
		rejected := map[string]uuid.UUID{}
		for _, jobType := range []string{"middle", "last", "checkpoint"} {
			rejected[jobType] = enqueue(t, eng, raw(jobType)).ID
		}
		start(t, eng)
		for jobType, id := range rejected {
			s := ended(t, eng, id)
			assert.Equal(t, model.Failed, s.Status, jobType)
			assert.Contains(t, s.Error, "the database rejected the job's record", jobType)
			assert.Contains(t, s.Error, "no_poison", jobType)
			assert.Nil(t, s.Result, jobType)
		}
		assert.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, raw("healthy")).ID).Status)
		assert.NotContains(t, logs.String(), "without its end being recorded")
	})
}
