package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// postgresUpdate writes a batch, which is read once: the time of a plan that reads
// it for each running job grows with the square of their number. The condition on
// the status is in a form that no index fits, so that the rows are found by their
// ids.
const postgresUpdate = `
UPDATE job_system_jobs AS j
SET {assignments}
FROM v
WHERE j.id = v.id
	AND j.attempt = v.attempt
	AND j.writes <= v.number
	AND (j.status || '') = 'processing'
	AND {decision_known}`

// postgresFlush writes the rows of runs.
const postgresFlush = `
WITH v AS MATERIALIZED (
	SELECT * FROM {batch}
)
{update}
RETURNING j.id, j.cancel_requested_at IS NOT NULL AS cancelled, j.decision IS NOT NULL AS decided`

// postgresFlushClaim is a whole flush, without a round trip between its parts: the
// ends of runs (done), the claims of the next jobs (next), and the locks, which are
// assigned to these or freed. A part that reads the result of another runs after
// it, which the unique index on processing rows relies on.
//
// It selects the rows that need an answer: a job that was claimed, a cancel
// request, a decision. Each has the ids of the writes that the fence kept out.
const postgresFlushClaim = `
WITH v AS MATERIALIZED (
	SELECT * FROM {batch}
), done AS MATERIALIZED (
	{update}
	RETURNING j.id, j.cancel_requested_at IS NOT NULL AS cancelled, j.decision IS NOT NULL AS decided, j.type, j.attempt, j.status
), mine AS MATERIALIZED (
	SELECT l.type
	FROM job_type_lock l
	JOIN done d ON l.type = d.type AND l.job_id = d.id AND l.attempt = d.attempt AND d.status <> 'processing'
	WHERE l.owner = ?
	ORDER BY l.type
	FOR UPDATE OF l
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
		attempt = COALESCE(n.attempt, 0),
		updated_at = clock_timestamp(),
		owner = CASE WHEN n.id IS NULL THEN '' ELSE l.owner END,
		locked_until = CASE WHEN n.id IS NULL THEN clock_timestamp() ELSE {later} END
	FROM mine
	LEFT JOIN next n ON n.type = mine.type
	WHERE l.type = mine.type
)
SELECT f.fenced, d.id AS done_id, COALESCE(d.cancelled, FALSE) AS done_cancelled, COALESCE(d.decided, FALSE) AS done_decided, {job_columns n}
FROM (
	SELECT COALESCE(string_agg(v.id::text, ' '), '') AS fenced
	FROM v
	WHERE v.id NOT IN (SELECT d.id FROM done d)
) f
LEFT JOIN (done d LEFT JOIN next n ON n.type = d.type) ON d.cancelled OR d.decided OR n.id IS NOT NULL`

// flush is one statement, except where runs end and children are inserted, or not all
// next jobs claimed.
func (d postgres) flush(ctx context.Context, writes []Write, owner Owner, claim bool) (Flushed, error) {
	switch {
	case !anyEnds(writes):
		acks, err := d.update(ctx, d.db, writes)
		return Flushed{Acks: acks}, err
	case claim && !anyChildren(writes) && !anyFreesType(writes):
		return d.flushClaim(ctx, writes, owner)
	default:
		return flushInTx(ctx, d, writes, owner, claim, d.update)
	}
}

func (d postgres) update(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	query, args := d.updateQuery(writes)
	return d.updateWith(ctx, db, query, args...)
}

func (d postgres) updateQuery(writes []Write) (string, []any) {
	patches, b := writeBatch(d, writes)
	type key struct{ patches int }
	text := d.text(OpFlush, key{patches}, postgresFlush, func() words { return d.updateWords(patches) })
	return text, []any{d.join(b.objects())}
}

func (d postgres) updateWords(patches int) words {
	return assignments(d, patches).and(words{"update": postgresUpdate, "batch": d.table(writeColumns(patches))})
}

func (d postgres) flushClaim(ctx context.Context, writes []Write, owner Owner) (Flushed, error) {
	type row struct {
		model.Job `bun:",extend"`
		DoneID    uuid.UUID `bun:"done_id"`
		Cancelled bool      `bun:"done_cancelled"`
		Decided   bool      `bun:"done_decided"`
		Fenced    string    `bun:"fenced"`
	}
	rows := make([]row, 0, len(writes))
	query, args := d.flushClaimQuery(writes, owner)
	if err := d.query(ctx, d.db, query, &rows, args...); err != nil {
		return Flushed{}, fmt.Errorf("flush: %w", err)
	}
	done := Flushed{Acks: make(map[uuid.UUID]Ack, len(writes))}
	if len(rows) == 0 { // it selects one row at least
		return Flushed{}, errors.New("flush: the database has answered with no row")
	}
	fenced := rows[0].Fenced
	for _, w := range writes {
		if fenced == "" || !strings.Contains(fenced, w.JobID.String()) {
			done.Acks[w.JobID] = Ack{JobID: w.JobID}
		}
	}
	for i := range rows {
		row := &rows[i]
		if row.DoneID != uuid.Nil {
			done.Acks[row.DoneID] = Ack{JobID: row.DoneID, Cancelled: row.Cancelled, Decided: row.Decided}
		}
		if row.ID != uuid.Nil {
			done.Next = append(done.Next, &row.Job)
		}
	}
	return done, nil
}

func (d postgres) flushClaimQuery(writes []Write, owner Owner) (string, []any) {
	patches, b := writeBatch(d, writes)
	type key struct {
		patches int
		lease   time.Duration
	}
	text := d.text(OpFlushClaim, key{patches, owner.Lease}, postgresFlushClaim, func() words {
		return d.updateWords(patches).and(words{"first_due": postgresFirstDue, "micros": micros(owner.Lease)})
	})
	return text, []any{d.join(b.objects()), owner.ID}
}

// patched is a call for each patch, one in another. A null in a row of a batch is
// SQL's NULL.
func (postgres) patched(patches int) string {
	document := "j.data"
	for i := range patches {
		path, value := patchColumns(i)
		document = "jsonb_set(" + document + ", v." + path + "::text[], COALESCE(v." + value + ", 'null'))"
	}
	return document
}

func (postgres) jsonPath(p Path) string {
	if p.Index < 0 {
		return "{" + p.Key + "}"
	}
	return "{" + p.Key + "," + strconv.Itoa(p.Index) + "}"
}

// unusedPath is one below a key that is not there.
func (postgres) unusedPath() string { return "{none,none}" }
