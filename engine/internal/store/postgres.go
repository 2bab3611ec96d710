package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// postgres is PostgreSQL.
type postgres struct {
	fromBatch
	rowLocks
}

func newPostgres(db *bun.DB, tables model.Tables) postgres {
	return postgres{fromBatch: fromBatch{newExecutor(db, tables, postgresWords, numbers), postgresTable, lines}}
}

var postgresWords = words{
	"now":   "clock_timestamp()", // which does not stand still within a transaction
	"later": "(clock_timestamp() + {micros} * interval '1 microsecond')",
	"json":  "@::jsonb",
	// In two parts: an interval is multiplied as a float64, which has no room for
	// the microseconds of a time some centuries away.
	"time":          "(timestamptz 'epoch' + @ / 3600000000 * interval '1 hour' + @ % 3600000000 * interval '1 microsecond')",
	"length":        "CASE WHEN jsonb_typeof(@) = 'array' THEN jsonb_array_length(@) END",
	"claim_index":   "",
	"claim_order":   "j.scheduled_at, j.id",
	"history_index": "",
	"history_order": "j.scheduled_at DESC, j.id DESC",
	"key_binds":     "idempotency_key IS NOT NULL AND strpos(unique_until, status) = 0",
	"has_key":       "@.idempotency_key = ? AND strpos(@.unique_until, @.status) = 0",
	"skip_locked":   "FOR UPDATE SKIP LOCKED",
	"see_newest":    "",
}

func (postgres) kind() string { return "postgres" }

func (d postgres) check(ctx context.Context) error {
	if err := d.checkTexts(ctx); err != nil {
		return err
	}
	if err := d.checkCharset(ctx, "SHOW client_encoding", "UTF8"); err != nil {
		return err
	}
	return d.useReadCommitted(ctx, "SHOW transaction_isolation")
}

// writers returns two, so that one side of the connection works while the other
// does.
func (postgres) writers() int { return 2 }

// readNewest does nothing: a statement of a READ COMMITTED transaction sees the
// newest rows, and in other transactions, a change of a row that another one has
// changed since is an error.
func (postgres) readNewest(context.Context, bun.IDB, *Row) error { return nil }
