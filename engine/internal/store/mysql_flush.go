package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// mysqlFlush writes the rows of runs, found by their ids.
const mysqlFlush = `
UPDATE job_system_jobs j FORCE INDEX (PRIMARY)
SET {assignments}{answer}
WHERE j.id IN ({keys})
	AND j.attempt = v.attempt
	AND j.writes <= v.number
	AND j.status = 'processing'
	AND {decision_known}`

// mysqlAnswer makes the statement's last insert id the answer to the write of one
// row, if the fence lets it through: LAST_INSERT_ID with an argument sets that.
const mysqlAnswer = `,
attempt = j.attempt + 0 * LAST_INSERT_ID(1 + 2 * (j.cancel_requested_at IS NOT NULL) + 4 * (j.decision IS NOT NULL))`

// The parts of the answers of mysqlAnswer.
const answerWritten, answerCancelled, answerDecided = 1, 2, 4

// mysqlRunning selects the rows that the fence lets these writes through to, and
// reads no others.
const mysqlRunning = `
SELECT j.id, j.cancel_requested_at IS NOT NULL AS cancelled, j.decision IS NOT NULL AS decided
FROM job_system_jobs j FORCE INDEX (PRIMARY)
WHERE j.id IN ({keys})
	AND j.attempt = v.attempt
	AND j.writes <= v.number
	AND j.status = 'processing'
	AND {decision_known}
ORDER BY j.id`

// flush is one statement for a run that continues, an update and a read for several,
// and where runs end, a transaction. That begins with the update; only if the
// fence has kept out a row, it is begun again with a read that locks the rows.
func (d mysql) flush(ctx context.Context, writes []Write, owner Owner, claim bool) (Flushed, error) {
	switch {
	case anyEnds(writes):
		done, err := flushInTx(ctx, d, writes, owner, claim, d.updateAll)
		if errors.Is(err, errSomeFenced) {
			done, err = flushInTx(ctx, d, writes, owner, claim, d.update)
		}
		return done, err
	case len(writes) == 1:
		acks, err := d.updateOne(ctx, writes[0])
		return Flushed{Acks: acks}, err
	default:
		acks, err := d.updateRunning(ctx, writes)
		return Flushed{Acks: acks}, err
	}
}

// update locks the rows that the fence lets the writes through to, and writes them.
func (d mysql) update(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	acks, err := d.running(ctx, db, OpFlushLock, mysqlRunning+"\nFOR UPDATE", writes)
	if err != nil {
		return nil, fmt.Errorf("lock rows: %w", err)
	}
	writes = slices.DeleteFunc(slices.Clone(writes), func(w Write) bool { _, ok := acks[w.JobID]; return !ok })
	if len(writes) == 0 {
		return acks, nil
	}
	_, err = d.write(ctx, db, writes)
	return acks, err
}

// errSomeFenced says that the fence has kept out some of the writes.
var errSomeFenced = errors.New("some of the rows are no longer their runs'")

// updateAll is update without a lock first. It returns errSomeFenced unless the
// fence lets all of the writes through.
func (d mysql) updateAll(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	switch n, err := d.write(ctx, db, writes); {
	case err != nil:
		return nil, err
	case n != int64(len(writes)):
		return nil, errSomeFenced
	}
	acks := make(map[uuid.UUID]Ack, len(writes))
	var running []Write
	for _, w := range writes {
		acks[w.JobID] = Ack{JobID: w.JobID} // a run that ends has no use for more
		if w.End == "" {
			running = append(running, w)
		}
	}
	if len(running) == 0 {
		return acks, nil
	}
	read, err := d.readAcks(ctx, db, running)
	maps.Copy(acks, read)
	return acks, err
}

// updateRunning is update for runs that continue, without a lock first: the rows
// that are their runs' after the update are those that were before.
func (d mysql) updateRunning(ctx context.Context, writes []Write) (map[uuid.UUID]Ack, error) {
	if _, err := d.write(ctx, d.db, writes); err != nil {
		return nil, err
	}
	return d.readAcks(ctx, d.db, writes)
}

// updateOne is updateRunning for one row, in a single statement.
func (d mysql) updateOne(ctx context.Context, w Write) (map[uuid.UUID]Ack, error) {
	res, err := d.db.NewRaw("?", d.updateQuery([]Write{w}, mysqlAnswer)).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("write records: %w", err)
	}
	answer, err := res.LastInsertId()
	if err != nil {
		return nil, fmt.Errorf("write records: %w", err)
	}
	if answer&answerWritten == 0 {
		return map[uuid.UUID]Ack{}, nil
	}
	return byJob([]Ack{{JobID: w.JobID, Cancelled: answer&answerCancelled != 0, Decided: answer&answerDecided != 0}}), nil
}

// write runs mysqlFlush, and returns the number of rows that it has written.
func (d mysql) write(ctx context.Context, db bun.IDB, writes []Write) (rows int64, err error) {
	res, err := db.NewRaw("?", d.updateQuery(writes, "")).Exec(ctx)
	if err == nil {
		rows, err = res.RowsAffected() // each of them is changed: its heartbeat is
	}
	if err != nil {
		return 0, fmt.Errorf("write records: %w", err)
	}
	return rows, nil
}

func (d mysql) updateQuery(writes []Write, answer string) bun.Safe {
	patches, b := writeBatch(d, writes)
	type key struct {
		patches int
		answer  string
	}
	text := d.text(OpFlush, key{patches, answer}, mysqlFlush, func() words {
		return assignments(d, patches).and(words{"answer": answer})
	})
	return d.inlineValues(text, "j.id", b)
}

// readAcks reads the answer to writes that took effect.
func (d mysql) readAcks(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	acks, err := d.running(ctx, db, OpFlushRead, mysqlRunning, writes)
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return acks, nil
}

func (d mysql) running(ctx context.Context, db bun.IDB, op Op, query string, writes []Write) (map[uuid.UUID]Ack, error) {
	var acks []Ack
	err := db.NewRaw("?", d.runningQuery(op, query, writes)).Scan(ctx, &acks)
	return byJob(acks), err
}

func (d mysql) runningQuery(op Op, query string, writes []Write) bun.Safe {
	b := &batch{columns: []column{{"id", ids}, {"attempt", integers}, {"number", integers}, {"status", texts}, {"decided", integers}}}
	for _, w := range writes {
		b.add(w.JobID.String(), w.Attempt, w.Number, string(w.status()), oneIf(w.Decided))
	}
	return d.inlineValues(d.sql(op, query), "j.id", b)
}

func (mysql) patched(patches int) string { return jsonSet(patches) }

func (mysql) jsonPath(p Path) string { return dollarPath(p) }

// unusedPath is one below a key that is not there.
func (mysql) unusedPath() string { return "$.none.none" }
