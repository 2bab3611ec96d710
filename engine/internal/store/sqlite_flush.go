package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// sqliteFlush writes the rows of runs, from a batch which is read once. The
// condition on the status is in a form that no index fits, so that the rows are
// found by their ids. SQLite's RETURNING knows no table's name.
const sqliteFlush = `
WITH v AS MATERIALIZED (
	SELECT * FROM {batch}
)
UPDATE job_system_jobs AS j
SET {assignments}
FROM v
WHERE j.id = v.id
	AND j.attempt = v.attempt
	AND j.writes <= v.number
	AND +j.status = 'processing'
	AND {decision_known}
RETURNING id, cancel_requested_at IS NOT NULL AS cancelled, decision IS NOT NULL AS decided`

// flush is one statement, or where runs end, a transaction of several.
func (d sqlite) flush(ctx context.Context, writes []Write, owner Owner, claim bool) (Flushed, error) {
	if !anyEnds(writes) {
		acks, err := d.update(ctx, d.db, writes)
		return Flushed{Acks: acks}, err
	}
	return flushInTx(ctx, d, writes, owner, claim, d.update)
}

func (d sqlite) update(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	query, args := d.updateQuery(writes)
	return d.updateWith(ctx, db, query, args...)
}

func (d sqlite) updateQuery(writes []Write) (string, []any) {
	patches, b := writeBatch(d, writes)
	type key struct{ patches int }
	text := d.text(OpFlush, key{patches}, sqliteFlush, func() words {
		return assignments(d, patches).and(words{"batch": d.table(writeColumns(patches))})
	})
	return text, []any{d.join(b.objects())}
}

func (sqlite) patched(patches int) string { return jsonSet(patches) }

func (sqlite) jsonPath(p Path) string { return dollarPath(p) }

// unusedPath is one beyond the end of an array.
func (sqlite) unusedPath() string { return "$.steps[1000000]" }
