package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// postgresFirstDue selects the first due job of each type in mine: of the heads of the
// priorities, which are locked, the first by rank. A job that another transaction has
// locked, it leaves out. The joins are a step in the claim's index for each type and
// priority, whatever the planner knows of the tables; only a time that stands still
// within a statement can bound that step.
const postgresFirstDue = `
SELECT first.id
FROM mine
CROSS JOIN LATERAL (
	SELECT due.id
	FROM {priorities} p
	CROSS JOIN LATERAL (
		SELECT h.id, h.scheduled_at
		FROM job_system_jobs h
		WHERE h.type = mine.type
			AND h.status = 'scheduled'
			AND h.deleted_at IS NULL
			AND h.priority = p.priority
			AND h.scheduled_at <= statement_timestamp()
			{except}
		ORDER BY h.scheduled_at, h.id
		LIMIT 1
		FOR UPDATE SKIP LOCKED
	) due
	ORDER BY p.priority = {immediate} DESC, due.scheduled_at - p.priority * {priority_worth} * interval '1 microsecond', due.id
	LIMIT 1
) first`

// postgresClaim is the claim: the locks of free types, the first due job of each
// one, and the locks again, which cover the jobs now. A part that reads the result
// of another runs after it.
const postgresClaim = `
WITH mine AS MATERIALIZED (
	SELECT l.type
	FROM job_type_lock l
	WHERE l.type = ANY (string_to_array(?, E'\n')::text[])
		AND l.locked_until <= clock_timestamp()
		AND l.job_id IS NULL
	ORDER BY l.type
	FOR UPDATE SKIP LOCKED
), picked AS MATERIALIZED (
	{first_due}
), next AS MATERIALIZED (
	UPDATE job_system_jobs AS j
	SET {start}
	WHERE j.id IN (SELECT id FROM picked)
	RETURNING {job_columns j}
), locks AS (
	UPDATE job_type_lock l
	SET
		job_id = n.id,
		attempt = n.attempt,
		updated_at = clock_timestamp(),
		owner = ?,
		locked_until = {later}
	FROM next n
	WHERE l.type = n.type
)
SELECT {job_columns n}
FROM next n`

// postgresClaimHeld claims the first due job of each type whose lock the owner
// holds for the given run.
const postgresClaimHeld = `
WITH mine AS MATERIALIZED (
	SELECT l.type
	FROM {batch}
	JOIN job_type_lock l ON l.type = v.type AND l.job_id = v.job_id AND l.attempt = v.attempt
	WHERE l.owner = ?
	ORDER BY l.type
	FOR UPDATE OF l
), picked AS MATERIALIZED (
	{first_due}
)
UPDATE job_system_jobs AS j
SET {start}
WHERE j.id IN (SELECT id FROM picked)
RETURNING {job_columns j}`

// claim runs postgresClaim alone.
func (d postgres) claim(ctx context.Context, types []string, owner Owner) (jobs []*model.Job, err error) {
	query, args := d.claimQuery(types, owner)
	err = d.query(ctx, d.db, query, &jobs, args...)
	return jobs, err
}

// claimExcept is the same with other first jobs.
func (d postgres) claimExcept(ctx context.Context, types []string, except []uuid.UUID, owner Owner) (jobs []*model.Job, err error) {
	type key struct{ lease time.Duration }
	text := d.text(OpClaim, key{owner.Lease}, postgresClaim, func() words {
		return words{
			"first_due": postgresFirstDue, "micros": micros(owner.Lease),
			"except": "AND h.id <> ALL (string_to_array(?, E'\\n')::uuid[])",
		}
	})
	err = d.query(ctx, d.db, text, &jobs, lines(types), lines(idTexts(except)), owner.ID)
	return jobs, err
}

func (d postgres) claimQuery(types []string, owner Owner) (string, []any) {
	type key struct{ lease time.Duration }
	text := d.text(OpClaim, key{owner.Lease}, postgresClaim, func() words {
		return words{"first_due": postgresFirstDue, "micros": micros(owner.Lease)}
	})
	return text, []any{lines(types), owner.ID}
}

func (d postgres) claimHeld(ctx context.Context, tx bun.Tx, runs []LockedRun, owner Owner) ([]*model.Job, error) {
	b := batchOfRuns(runs)
	type key struct{}
	text := d.text(OpClaim, key{}, postgresClaimHeld, func() words {
		return words{"first_due": postgresFirstDue, "batch": d.table(b.columns)}
	})
	return d.claimWith(ctx, tx, text, d.join(b.objects()), owner.ID)
}
