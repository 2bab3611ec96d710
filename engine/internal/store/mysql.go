package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// mysql is MySQL, or MariaDB. Neither has an UPDATE that returns rows, nor one that
// reads a batch at a fair price: see inlineValues.
type mysql struct {
	*executor
	rowLocks
	name string
	// isolation selects the isolation level of the connection.
	isolation string
}

func newMySQL(db *bun.DB, tables model.Tables) mysql {
	e := newExecutor(db, tables, mysqlWords.and(onlyMySQLWords), asItIs)
	return mysql{executor: e, name: "mysql", isolation: "SELECT @@transaction_isolation"}
}

// mysqlWords are the words of both.
var mysqlWords = words{
	"now":         "UTC_TIMESTAMP(6)",
	"later":       "(UTC_TIMESTAMP(6) + INTERVAL {micros} MICROSECOND)",
	"time":        "(TIMESTAMP '1970-01-01 00:00:00' + INTERVAL @ MICROSECOND)",
	"length":      "CASE WHEN JSON_TYPE(@) = 'ARRAY' THEN JSON_LENGTH(@) END",
	"has_key":     "@.bound_key = ?",
	"skip_locked": "FOR UPDATE SKIP LOCKED",
	"see_newest":  "FOR UPDATE",
}

var onlyMySQLWords = words{
	"json":      "CAST(@ AS JSON)",
	"json_part": "CAST(@ AS JSON)",
	// Left to itself, MySQL was seen to scan another index for this.
	"claim_index":   "FORCE INDEX (job_system_jobs_claim)",
	"claim_order":   "j.type, j.status, j.deleted_at, j.priority, j.scheduled_at, j.id",
	"history_index": "FORCE INDEX (job_system_jobs_history)",
	"history_order": "j.type DESC, j.status DESC, j.deleted_at DESC, j.scheduled_at DESC, j.id DESC",
}

func (d mysql) kind() string { return d.name }

func (d mysql) check(ctx context.Context) error {
	if err := d.checkTexts(ctx); err != nil {
		return err
	}
	const charsets = "SELECT CONCAT_WS(',', @@character_set_client, @@character_set_connection, @@character_set_results)"
	if err := d.checkCharset(ctx, charsets, "utf8mb4"); err != nil {
		return err
	}
	const instant, wanted = "SELECT CAST('2020-09-13 12:26:40.123456' AS DATETIME(6))", 1_600_000_000_123_456
	if err := d.checkTimes(ctx, instant, wanted); err != nil {
		return err
	}
	return d.useReadCommitted(ctx, d.isolation)
}

// writers returns one: two transactions would wait for each other.
func (mysql) writers() int { return 1 }

// readNewest reads the row with a lock: a host's transaction may be REPEATABLE
// READ.
func (d mysql) readNewest(ctx context.Context, db bun.IDB, row *Row) error {
	const query = `
SELECT j.status, j.attempt, j.cancel_requested_at, j.decision, j.deleted_at
FROM job_system_jobs j
WHERE j.id = ?
FOR UPDATE`
	return db.NewRaw(d.sql(OpCancelRead, query), row.ID.String()).
		Scan(ctx, &row.Status, &row.Attempt, &row.CancelRequestedAt, &row.Decision, &row.DeletedAt)
}
