package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// fromBatch is what PostgreSQL and SQLite have in common: their statements read a
// batch as a table, {batch}, named v, and return the rows that they change.
type fromBatch struct {
	*executor
	// table returns the SQL of a batch as a table, which has one argument: what join
	// makes of the rows as JSON objects.
	table func(columns []column) string
	join  func(objects []string) string
}

const insertFromBatch = `
INSERT INTO job_system_jobs ({insert_columns})
SELECT v.id, v.type, v.name, v.role, v.email, v.uploaded_file_url, {json v.document}, v.priority,
	COALESCE({time v.due_at}, {now}), v.idempotency_key, v.unique_until, v.parent_id, 'scheduled', {now}, {now}
FROM {batch}
WHERE 1 = 1
ON CONFLICT (type, idempotency_key) WHERE {key_binds} DO NOTHING
RETURNING {returned_columns}`

const ensureLockOrNothing = `
INSERT INTO job_type_lock (type, locked_until, updated_at)
VALUES (?, {now}, {now})
ON CONFLICT (type) DO NOTHING`

const writeLocksFromBatch = `
UPDATE job_type_lock AS l
SET
	job_id = v.job_id,
	attempt = v.attempt,
	updated_at = {now},
	owner = CASE WHEN v.job_id IS NULL THEN '' ELSE ? END,
	locked_until = CASE WHEN v.job_id IS NULL THEN {now} ELSE {later} END
FROM {batch}
WHERE l.type = v.type
	AND (v.ended IS NULL OR l.job_id = v.ended AND l.attempt = v.ended_attempt)`

// dueTypesByWalk steps from type to type through the claim's index, whatever the
// number of jobs.
const dueTypesByWalk = `
WITH RECURSIVE t (type) AS (
	SELECT (
		SELECT j.type
		FROM job_system_jobs j {claim_index}
		WHERE j.status = 'scheduled' AND j.deleted_at IS NULL
		ORDER BY j.type, j.priority, j.scheduled_at, j.id
		LIMIT 1
	)
	UNION ALL
	SELECT (
		SELECT j.type
		FROM job_system_jobs j {claim_index}
		WHERE j.status = 'scheduled' AND j.deleted_at IS NULL AND j.type > t.type
		ORDER BY j.type, j.priority, j.scheduled_at, j.id
		LIMIT 1
	)
	FROM t
	WHERE t.type IS NOT NULL
)
SELECT t.type
FROM t
WHERE t.type IS NOT NULL
ORDER BY t.type`

func (d fromBatch) dueTypes() string { return d.sql(OpDueTypes, dueTypesByWalk) }

func (d fromBatch) ensureLock(ctx context.Context, jobType string) error {
	_, err := d.db.NewRaw(d.sql(OpEnsureLocks, ensureLockOrNothing), jobType).Exec(ctx)
	return err
}

func (d fromBatch) writeLocks(ctx context.Context, tx bun.Tx, b *batch, owner Owner) error {
	type key struct{ lease time.Duration }
	text := d.text(OpAssignLocks, key{owner.Lease}, writeLocksFromBatch, func() words {
		return words{"batch": d.table(b.columns), "micros": micros(owner.Lease)}
	})
	return d.exec(ctx, tx, text, owner.ID, d.join(b.objects()))
}

// claimWith runs a statement that moves jobs to processing.
func (d fromBatch) claimWith(ctx context.Context, tx bun.Tx, text string, args ...any) (jobs []*model.Job, err error) {
	if err := d.query(ctx, tx, text, &jobs, args...); err != nil {
		return nil, fmt.Errorf("move jobs to processing: %w", err)
	}
	return jobs, nil
}

// updateWith runs a statement that writes the rows of runs.
func (d fromBatch) updateWith(ctx context.Context, db bun.IDB, text string, args ...any) (map[uuid.UUID]Ack, error) {
	var acks []Ack
	if err := d.query(ctx, db, text, &acks, args...); err != nil {
		return nil, fmt.Errorf("write records: %w", err)
	}
	return byJob(acks), nil
}

// insertWith inserts a batch by a statement with {insert} or the same itself.
func (d fromBatch) insertWith(ctx context.Context, db bun.IDB, op Op, template string, b *batch) (rows []*model.Job, err error) {
	type key struct{ op Op }
	text := d.text(op, key{op}, template, func() words {
		return words{"insert": insertFromBatch, "batch": d.table(b.columns)}
	})
	if err := d.query(ctx, db, text, &rows, d.join(b.objects())); err != nil {
		return nil, fmt.Errorf("insert job: %w", err)
	}
	return rows, nil
}
