package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// mysqlFirstJob selects the first scheduled job of the type of a row, {first_job l}
// of the row l: null for a type without jobs.
const mysqlFirstJob = `
(
	SELECT j.id
	FROM job_system_jobs j {claim_index}
	WHERE j.type = @.type AND j.status = 'scheduled' AND j.deleted_at IS NULL
	ORDER BY {claim_order}
	LIMIT 1
)`

// mysqlDueTypes cannot step from type to type by itself, as dueTypesByWalk does,
// but DISTINCT does.
const mysqlDueTypes = `
SELECT t.type
FROM (SELECT DISTINCT j.type FROM job_system_jobs j) t
WHERE {first_job t} IS NOT NULL
ORDER BY t.type`

// mysqlLockFree locks the locks of free types, and finds the first job of each.
const mysqlLockFree = `
SELECT l.type, {first_job l} AS head
FROM job_type_lock l
WHERE l.type IN (?)
	AND l.locked_until <= UTC_TIMESTAMP(6)
	AND l.job_id IS NULL
ORDER BY l.type
FOR UPDATE SKIP LOCKED`

// mysqlLockHeld does that for the types whose locks the owner holds for the given
// runs.
const mysqlLockHeld = `
SELECT l.type, {first_job l} AS head
FROM job_type_lock l
WHERE l.type IN ({keys})
	AND l.job_id = v.job_id
	AND l.attempt = v.attempt
	AND l.owner = v.owner
ORDER BY l.type
FOR UPDATE`

// mysqlLockDue locks those of the given jobs that are due.
const mysqlLockDue = `
SELECT {job_columns j}, UTC_TIMESTAMP(6) AS now
FROM job_system_jobs j FORCE INDEX (PRIMARY)
WHERE j.id IN (?)
	AND j.type IN (?)
	AND j.status = 'scheduled'
	AND j.deleted_at IS NULL
	AND j.scheduled_at <= UTC_TIMESTAMP(6)
ORDER BY j.id
FOR UPDATE SKIP LOCKED`

// mysqlStart moves the given jobs to processing, at the time ?0. An UPDATE returns
// no rows here, so that started repeats what it does.
const mysqlStart = `
UPDATE job_system_jobs j
SET
	status = 'processing',
	attempt = j.attempt + 1,
	writes = 0,
	started_at = ?0,
	heartbeat_at = ?0,
	progressed_at = ?0,
	finished_at = NULL,
	updated_at = ?0
WHERE j.id IN (?1)`

// withFirstJob is sql for a text with {first_job}.
func (d mysql) withFirstJob(op Op, template string) string {
	type key struct{ template string }
	return d.text(op, key{template}, template, func() words { return words{"first_job": mysqlFirstJob} })
}

// started returns a row that mysqlLockDue has read as mysqlStart changes it.
func started(row *Row) *model.Job {
	j := row.Job
	j.Status, j.Attempt, j.FinishedAt = model.Processing, j.Attempt+1, model.Time{}
	j.StartedAt, j.HeartbeatAt, j.ProgressedAt, j.UpdatedAt = row.Now, row.Now, row.Now, row.Now
	return &j
}

func (d mysql) dueTypes() string { return d.withFirstJob(OpDueTypes, mysqlDueTypes) }

// claim is four statements in a transaction: mysqlLockFree, mysqlLockDue,
// mysqlStart, and the locks that cover the jobs then.
func (d mysql) claim(ctx context.Context, types []string, chosen []uuid.UUID, owner Owner) ([]*model.Job, error) {
	return claimInTx(ctx, d, owner, func(ctx context.Context, tx bun.Tx) ([]*model.Job, error) {
		var locks []typeHead
		if err := tx.NewRaw(d.withFirstJob(OpClaimLocks, mysqlLockFree), bun.List(types)).Scan(ctx, &locks); err != nil {
			return nil, err
		}
		if len(chosen) > 0 {
			return d.claimJobs(ctx, tx, locks, idTexts(chosen))
		}
		return d.claimJobs(ctx, tx, locks, heads(locks))
	})
}

// claimHeld begins with mysqlLockHeld, and continues as claim does.
func (d mysql) claimHeld(ctx context.Context, tx bun.Tx, runs []LockedRun, owner Owner) ([]*model.Job, error) {
	b := batchOfRuns(runs).and(column{"owner", texts}, owner.ID)
	var locks []typeHead
	err := tx.NewRaw("?", d.inlineValues(d.withFirstJob(OpClaimLocks, mysqlLockHeld), "l.type", b)).Scan(ctx, &locks)
	if err != nil {
		return nil, err
	}
	return d.claimJobs(ctx, tx, locks, heads(locks))
}

// typeHead is a type whose lock is locked, and its first job.
type typeHead struct {
	Type string  `bun:"type"`
	Head *string `bun:"head"`
}

// heads returns the ids of the first jobs.
func heads(locks []typeHead) (jobs []string) {
	for _, l := range locks {
		if l.Head != nil {
			jobs = append(jobs, *l.Head)
		}
	}
	return jobs
}

// claimJobs moves those of the given jobs that are due, and of these types, to
// processing.
func (d mysql) claimJobs(ctx context.Context, tx bun.Tx, locks []typeHead, picked []string) ([]*model.Job, error) {
	if len(locks) == 0 || len(picked) == 0 {
		return nil, nil
	}
	types := make([]string, len(locks))
	for i, l := range locks {
		types[i] = l.Type
	}
	var rows []*Row
	if err := tx.NewRaw(d.sql(OpClaimJobs, mysqlLockDue), bun.List(picked), bun.List(types)).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("lock the first jobs: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return d.start(ctx, tx, rows)
}

// start moves jobs whose rows are locked to processing.
func (d mysql) start(ctx context.Context, tx bun.Tx, rows []*Row) ([]*model.Job, error) {
	jobs, ids := make([]*model.Job, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		jobs[i], ids[i] = started(row), row.ID
	}
	res, err := tx.NewRaw(d.sql(OpClaim, mysqlStart), rows[0].Now, bun.List(idTexts(ids))).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("move jobs to processing: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != int64(len(jobs)) {
		return nil, fmt.Errorf("move jobs to processing: %d of %d rows were found by their ids (%w)", n, len(jobs), err)
	}
	return jobs, nil
}
