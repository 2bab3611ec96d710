package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// sqliteFirstDue selects the first due job of each type in mine: of the heads of the
// priorities, the first by rank that is due.
const sqliteFirstDue = `
SELECT (
	SELECT h.id
	FROM {priorities} p
	CROSS JOIN job_system_jobs h
	WHERE h.id = (SELECT j.id {head mine})
		AND h.scheduled_at <= {now}
	ORDER BY p.priority = {immediate} DESC, h.scheduled_at - p.priority * {priority_worth}, h.id
	LIMIT 1
) AS id
FROM mine`

// sqliteClaim claims the first due job of each free type.
const sqliteClaim = `
WITH mine AS MATERIALIZED (
	SELECT l.type
	FROM job_type_lock l
	WHERE l.type IN (SELECT value FROM json_each(?))
		AND l.locked_until <= {now}
		AND l.job_id IS NULL
	ORDER BY l.type
), picked AS MATERIALIZED (
	{first_due}
)
UPDATE job_system_jobs AS j
SET {start}
WHERE j.id IN (SELECT id FROM picked)
RETURNING {returned_columns}`

// sqliteClaimHeld claims the first due job of each type whose lock the owner holds
// for the given run.
const sqliteClaimHeld = `
WITH mine AS MATERIALIZED (
	SELECT l.type
	FROM {batch}
	JOIN job_type_lock l ON l.type = v.type AND l.job_id = v.job_id AND l.attempt = v.attempt
	WHERE l.owner = ?
	ORDER BY l.type
), picked AS MATERIALIZED (
	{first_due}
)
UPDATE job_system_jobs AS j
SET {start}
WHERE j.id IN (SELECT id FROM picked)
RETURNING {returned_columns}`

// claim is two statements in a transaction: the jobs, and then their locks.
func (d sqlite) claim(ctx context.Context, types []string, owner Owner) ([]*model.Job, error) {
	return claimInTx(ctx, d, owner, func(ctx context.Context, tx bun.Tx) ([]*model.Job, error) {
		return d.claimWith(ctx, tx, d.claimQuery(), jsonTexts(types))
	})
}

// claimExcept is the same with other first jobs.
func (d sqlite) claimExcept(ctx context.Context, types []string, except []uuid.UUID, owner Owner) ([]*model.Job, error) {
	type key struct{}
	text := d.text(OpClaim, key{}, sqliteClaim, func() words {
		return words{"first_due": sqliteFirstDue, "except": "AND j.id NOT IN (SELECT value FROM json_each(?))"}
	})
	return claimInTx(ctx, d, owner, func(ctx context.Context, tx bun.Tx) ([]*model.Job, error) {
		return d.claimWith(ctx, tx, text, jsonTexts(types), jsonTexts(idTexts(except)))
	})
}

func (d sqlite) claimQuery() string {
	type key struct{}
	return d.text(OpClaim, key{}, sqliteClaim, func() words { return words{"first_due": sqliteFirstDue} })
}

func (d sqlite) claimHeld(ctx context.Context, tx bun.Tx, runs []LockedRun, owner Owner) ([]*model.Job, error) {
	b := batchOfRuns(runs)
	type key struct{}
	text := d.text(OpClaim, key{}, sqliteClaimHeld, func() words {
		return words{"first_due": sqliteFirstDue, "batch": d.table(b.columns)}
	})
	return d.claimWith(ctx, tx, text, d.join(b.objects()), owner.ID)
}
