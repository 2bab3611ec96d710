package store

// The statements that are the same on PostgreSQL and SQLite, which read a batch as
// a table: {batch} is that table, named v.

const insertFromBatch = `
INSERT INTO job_system_jobs ({insert_columns})
SELECT v.id, v.type, v.name, v.role, v.email, v.uploaded_file_url, {json v.document},
	COALESCE({time v.due_at}, {now}), v.idempotency_key, v.parent_id, 'scheduled', {now}, {now}
FROM {batch}
WHERE 1 = 1
ON CONFLICT (type, idempotency_key) DO NOTHING
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
		ORDER BY j.type, {claim_order}
		LIMIT 1
	)
	UNION ALL
	SELECT (
		SELECT j.type
		FROM job_system_jobs j {claim_index}
		WHERE j.status = 'scheduled' AND j.deleted_at IS NULL AND j.type > t.type
		ORDER BY j.type, {claim_order}
		LIMIT 1
	)
	FROM t
	WHERE t.type IS NOT NULL
)
SELECT t.type
FROM t
WHERE t.type IS NOT NULL
ORDER BY t.type`
