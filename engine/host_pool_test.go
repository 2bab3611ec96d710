package engine_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// On a host's own pool, whose transactions are serializable by default, commands are
// repeated if the database rolls them back in favour of others.
func TestNoCallerGetsASerializationFailureOfAHostsPool(t *testing.T) {
	t.Parallel()
	for _, level := range []string{"serializable", "repeatable read"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			host, err := pgx.ParseConfig(testdb.DSN(t, testdb.Postgres))
			require.NoError(t, err)
			host.RuntimeParams["default_transaction_isolation"] = level
			pool := stdlib.OpenDB(*host)
			pool.SetMaxOpenConns(8)
			db := bun.NewDB(pool, pgdialect.New())
			t.Cleanup(func() { assert.NoError(t, db.Close()) })
			eng := newEngine(t, db, config(), three())

			const callers = 40
			ids := make([]uuid.UUID, callers)
			errs := atOnce(callers, func(i int) error {
				job, err := eng.Enqueue(t.Context(), input{N: i}, engine.IdempotencyKey("one"))
				if err == nil {
					ids[i] = job.ID
				}
				return err
			})
			for i, err := range errs {
				require.NoError(t, err)
				assert.Equal(t, ids[0], ids[i])
			}
			start(t, eng)
			jobs := make([]uuid.UUID, callers)
			for i := range jobs {
				jobs[i] = enqueue(t, eng, input{N: i}).ID
			}
			for _, err := range atOnce(callers, func(i int) error {
				if _, err := eng.Status(t.Context(), jobs[i]); err != nil {
					return err
				}
				err := eng.Cancel(t.Context(), jobs[i], "ann", "")
				if s, statusErr := eng.Status(t.Context(), jobs[i]); err != nil && statusErr == nil && s.Status.Ended() {
					return nil // it had ended before
				}
				return err
			}) {
				assert.NoError(t, err)
			}
		})
	}
}

// The engine checks what the database returns.
func TestARowThatATriggerDropsIsAnError(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		if db.Dialect().Name() != dialect.PG { // on the others no trigger can drop a row without an error
			return
		}
		for _, statement := range []string{
			`CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`,
			`CREATE TRIGGER nothing BEFORE INSERT ON job_system_jobs FOR EACH ROW EXECUTE FUNCTION nothing()`,
		} {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		eng := newEngine(t, db, config())
		_, err := eng.Enqueue(t.Context(), input{})
		assert.ErrorContains(t, err, "has job_system_jobs a trigger?")
		_, err = eng.Enqueue(t.Context(), input{}, engine.IdempotencyKey("one"))
		assert.ErrorContains(t, err, "has job_system_jobs a trigger?")
		_, err = eng.EnqueueMany(t.Context(), []engine.NewJob{{Input: input{}}, {Input: input{}}})
		assert.ErrorContains(t, err, "has job_system_jobs a trigger?")
	})
}
