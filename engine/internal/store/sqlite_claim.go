package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// sqliteFirstDue selects the first job of each type in mine, if it is due.
const sqliteFirstDue = `
SELECT h.id
FROM job_system_jobs h
WHERE h.id IN (
		SELECT (
			SELECT j.id
			FROM job_system_jobs j {claim_index}
			WHERE j.type = mine.type AND j.status = 'scheduled' AND j.deleted_at IS NULL
			ORDER BY {claim_order}
			LIMIT 1
		)
		FROM mine
	)
	AND h.status = 'scheduled'
	AND h.deleted_at IS NULL
	AND h.scheduled_at <= {now}`

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

// sqliteClaimChosen claims those of the given jobs that are due, of free types.
const sqliteClaimChosen = `
WITH mine AS MATERIALIZED (
	SELECT l.type
	FROM job_type_lock l
	WHERE l.type IN (SELECT value FROM json_each(?))
		AND l.locked_until <= {now}
		AND l.job_id IS NULL
	ORDER BY l.type
), picked AS MATERIALIZED (
	SELECT h.id
	FROM job_system_jobs h
	WHERE h.id IN (SELECT value FROM json_each(?))
		AND h.type IN (SELECT type FROM mine)
		AND h.status = 'scheduled'
		AND h.deleted_at IS NULL
		AND h.scheduled_at <= {now}
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
func (d sqlite) claim(ctx context.Context, types []string, chosen []uuid.UUID, owner Owner) ([]*model.Job, error) {
	return claimInTx(ctx, d, owner, func(ctx context.Context, tx bun.Tx) ([]*model.Job, error) {
		if len(chosen) > 0 {
			return d.claimWith(ctx, tx, d.sql(OpClaim, sqliteClaimChosen), jsonTexts(types), jsonTexts(idTexts(chosen)))
		}
		return d.claimWith(ctx, tx, d.claimQuery(), jsonTexts(types))
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
