package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// mysqlDueTypes cannot step from type to type by itself, as dueTypesByWalk does,
// but DISTINCT does.
const mysqlDueTypes = `
SELECT t.type
FROM (SELECT DISTINCT j.type FROM job_system_jobs j) t
WHERE (
	SELECT j.id
	FROM job_system_jobs j {claim_index}
	WHERE j.type = t.type AND j.status = 'scheduled' AND j.deleted_at IS NULL
	LIMIT 1
) IS NOT NULL
ORDER BY t.type`

// mysqlLockFree locks the locks of free types, and finds the heads of the priorities
// of each, as ids with spaces between them.
const mysqlLockFree = `
SELECT l.type, {heads} AS heads
FROM job_type_lock l
WHERE l.type IN (?)
	AND l.locked_until <= UTC_TIMESTAMP(6)
	AND l.job_id IS NULL
ORDER BY l.type
FOR UPDATE SKIP LOCKED`

// mysqlLockHeld does that for the types whose locks the owner holds for the given
// runs.
const mysqlLockHeld = `
SELECT l.type, {heads} AS heads
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

// withHeads is sql for a claim's text with {heads}, of which {except} leaves jobs out.
func (d mysql) withHeads(template, except string) string {
	type key struct{ template, except string }
	return d.text(OpClaimLocks, key{template, except}, template, func() words {
		var heads []string
		known := d.words.and(words{"except": except})
		for _, priority := range model.Priorities() {
			heads = append(heads, strings.ReplaceAll("(SELECT j.id "+known.put("{head l}")+")", "p.priority", strconv.Itoa(priority)))
		}
		return words{"heads": "CONCAT_WS(' ', " + strings.Join(heads, ", ") + ")"}
	})
}

// started returns a row that mysqlLockDue has read as mysqlStart changes it.
func started(row *Row) *model.Job {
	j := row.Job
	j.Status, j.Attempt, j.FinishedAt = model.Processing, j.Attempt+1, model.Time{}
	j.StartedAt, j.HeartbeatAt, j.ProgressedAt, j.UpdatedAt = row.Now, row.Now, row.Now, row.Now
	return &j
}

func (d mysql) dueTypes() string { return d.sql(OpDueTypes, mysqlDueTypes) }

// claim is four statements in a transaction: mysqlLockFree, mysqlLockDue,
// mysqlStart, and the locks that cover the jobs then.
func (d mysql) claim(ctx context.Context, types []string, owner Owner) ([]*model.Job, error) {
	return d.claimFree(ctx, owner, d.withHeads(mysqlLockFree, ""), bun.List(types))
}

// claimExcept is the same with other first jobs.
func (d mysql) claimExcept(ctx context.Context, types []string, except []uuid.UUID, owner Owner) ([]*model.Job, error) {
	return d.claimFree(ctx, owner, d.withHeads(mysqlLockFree, exceptListed), bun.List(types), bun.List(idTexts(except)))
}

func (d mysql) claimFree(ctx context.Context, owner Owner, lockFree string, args ...any) ([]*model.Job, error) {
	return claimInTx(ctx, d, owner, func(ctx context.Context, tx bun.Tx) ([]*model.Job, error) {
		var locks []typeHeads
		if err := tx.NewRaw(lockFree, args...).Scan(ctx, &locks); err != nil {
			return nil, err
		}
		return d.claimJobs(ctx, tx, locks)
	})
}

// claimHeld begins with mysqlLockHeld, and continues as claim does.
func (d mysql) claimHeld(ctx context.Context, tx bun.Tx, runs []LockedRun, owner Owner) ([]*model.Job, error) {
	b := batchOfRuns(runs).and(column{"owner", texts}, owner.ID)
	var locks []typeHeads
	err := tx.NewRaw("?", d.inlineValues(d.withHeads(mysqlLockHeld, ""), "l.type", b)).Scan(ctx, &locks)
	if err != nil {
		return nil, err
	}
	return d.claimJobs(ctx, tx, locks)
}

// typeHeads is a type whose lock is locked, and the ids of the heads of its priorities.
type typeHeads struct {
	Type  string `bun:"type"`
	Heads string `bun:"heads"`
}

// claimJobs moves the first due job of each of these types to processing.
func (d mysql) claimJobs(ctx context.Context, tx bun.Tx, locks []typeHeads) ([]*model.Job, error) {
	var types, heads []string
	for _, l := range locks {
		types, heads = append(types, l.Type), append(heads, strings.Fields(l.Heads)...)
	}
	if len(heads) == 0 {
		return nil, nil
	}
	var rows []*Row
	if err := tx.NewRaw(d.sql(OpClaimJobs, mysqlLockDue), bun.List(heads), bun.List(types)).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("lock the first jobs: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return d.start(ctx, tx, firstOfEachType(rows))
}

// firstOfEachType returns the first one of each type by rank.
func firstOfEachType(due []*Row) []*Row {
	slices.SortFunc(due, func(a, b *Row) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), compareRank(&a.Job, &b.Job))
	})
	return slices.CompactFunc(due, func(a, b *Row) bool { return a.Type == b.Type })
}

// compareRank compares due jobs of a type by the order in which they are claimed.
func compareRank(a, b *model.Job) int {
	immediate := func(j *model.Job) int { return oneIf(j.Priority == model.ImmediatePriority) }
	since := func(j *model.Job) time.Time {
		return j.ScheduledAt.Add(-time.Duration(j.Priority) * model.PriorityWorth)
	}
	return cmp.Or(immediate(b)-immediate(a), since(a).Compare(since(b)), bytes.Compare(a.ID[:], b.ID[:]))
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
