package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Ack says that a write took effect, and whether its row has a cancel request.
type Ack struct {
	JobID     uuid.UUID `bun:"id"`
	Cancelled bool      `bun:"cancelled"`
}

// MaxBatch is the most writes that one Flush takes; SQLite has a bound on the
// parts of a compound SELECT.
const MaxBatch = 200

// Flushed is the outcome of a Flush.
type Flushed struct {
	// Acks has an entry for each write that took effect. A write without one
	// met a row that is no longer its run's.
	Acks map[uuid.UUID]Ack
	// Next are the jobs claimed for the types of ended runs.
	Next []*model.Job
}

// Flush applies writes, at most [MaxBatch] and one for a job, in one
// transaction. With it go the release of the types whose runs end, and if
// claim is set, the claim of those types' next jobs.
func (s *Store) Flush(ctx context.Context, writes []Write, owner Owner, claim bool) (Flushed, error) {
	writes = slices.Clone(writes)
	slices.SortFunc(writes, func(a, b Write) int { return bytes.Compare(a.JobID[:], b.JobID[:]) }) // as their texts
	ends := slices.ContainsFunc(writes, func(w Write) bool { return w.End != "" })
	if !ends && s.dialect.returning {
		acks, err := s.update(ctx, s.db, writes)
		return Flushed{Acks: acks}, err
	}
	inserts := slices.ContainsFunc(writes, func(w Write) bool { return len(w.Children) > 0 })
	if claim && s.dialect.writableCTE && !inserts {
		return s.flushCTE(ctx, writes, owner)
	}
	if !ends {
		acks, err := s.updateRunning(ctx, writes)
		return Flushed{Acks: acks}, err
	}
	done, err := s.flushInSteps(ctx, writes, owner, claim, s.updateWhole)
	if errors.Is(err, errSomeGone) {
		done, err = s.flushInSteps(ctx, writes, owner, claim, s.update)
	}
	if err != nil {
		return Flushed{}, fmt.Errorf("flush: %w", err)
	}
	return done, nil
}

// flushInSteps is Flush in a transaction of several statements.
func (s *Store) flushInSteps(ctx context.Context, writes []Write, owner Owner, claim bool,
	update func(context.Context, bun.IDB, []Write) (map[uuid.UUID]Ack, error),
) (done Flushed, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		if done.Acks, err = update(ctx, tx, writes); err != nil {
			return err
		}
		var ended []LockedRun
		for _, w := range writes {
			if _, ok := done.Acks[w.JobID]; !ok || w.End == "" {
				continue
			}
			ended = append(ended, LockedRun{Type: w.Type, JobID: w.JobID, Attempt: w.Attempt})
			if err := s.InsertMany(ctx, tx, w.Children, true); err != nil {
				return err
			}
		}
		done.Next, err = s.claimSuccessors(ctx, tx, ended, owner, claim)
		return err
	})
	return done, err
}

// flushCTE is Flush in a single statement: the ends of runs, the claims of the
// next jobs and the locks that pass from the ones to the others, without a round
// trip between them. A part that reads another's result runs after it, which the
// unique index on processing rows relies on.
//
// It returns the rows that there is something to tell of: a job that was claimed,
// a cancel request. Of the others it tells which were not met.
func (s *Store) flushCTE(ctx context.Context, writes []Write, owner Owner) (Flushed, error) {
	type row struct {
		model.Job `bun:",extend"`
		DoneID    uuid.UUID `bun:"done_id"`
		Cancelled bool      `bun:"done_cancelled"`
		Unmet     string    `bun:"unmet"`
	}
	rows := make([]row, 0, len(writes))
	query, args := s.flushCTEQuery(writes, owner)
	if err := s.fixed.query(ctx, s.db, query, &rows, args...); err != nil {
		return Flushed{}, fmt.Errorf("flush: %w", err)
	}
	done := Flushed{Acks: make(map[uuid.UUID]Ack, len(writes))}
	unmet := rows[0].Unmet
	for _, w := range writes {
		if unmet == "" || !strings.Contains(unmet, w.JobID.String()) {
			done.Acks[w.JobID] = Ack{JobID: w.JobID}
		}
	}
	for i := range rows {
		row := &rows[i]
		if row.DoneID != uuid.Nil {
			done.Acks[row.DoneID] = Ack{JobID: row.DoneID, Cancelled: row.Cancelled}
		}
		if row.ID != uuid.Nil {
			done.Next = append(done.Next, &row.Job)
		}
	}
	return done, nil
}

// flushCTEQuery is the statement of flushAtOnce.
func (s *Store) flushCTEQuery(writes []Write, owner Owner) (string, []any) {
	patches, batch := s.batch(writes)
	type key struct {
		patches int
		lease   time.Duration
	}
	return s.text(key{patches, owner.Lease}, func() string {
		return s.withWrites(patches) + ", done AS MATERIALIZED (" + s.updateFrom(patches) + " RETURNING " + ackColumns + ", j.type, j.attempt, j.status), " +
			"mine AS MATERIALIZED (SELECT l.type FROM job_type_lock l JOIN done d ON l.type = d.type AND l.job_id = d.id AND l.attempt = d.attempt AND d.status <> 'processing' " +
			"WHERE l.owner = ? ORDER BY l.type FOR UPDATE OF l), " +
			s.startFirst() +
			"locks AS (UPDATE job_type_lock l SET job_id = n.id, attempt = COALESCE(n.attempt, 0), updated_at = {now}, " +
			"owner = CASE WHEN n.id IS NULL THEN '' ELSE l.owner END, locked_until = CASE WHEN n.id IS NULL THEN {now} ELSE " + s.dialect.after(owner.Lease) + " END " +
			"FROM mine LEFT JOIN next n ON n.type = mine.type WHERE l.type = mine.type) " +
			"SELECT m.unmet, d.id AS done_id, COALESCE(d.cancelled, FALSE) AS done_cancelled, " +
			strings.ReplaceAll(jobColumns, "j.", "n.") + " FROM (SELECT COALESCE(string_agg(v.id::text, ' '), '') AS unmet FROM v WHERE v.id NOT IN (SELECT d.id FROM done d)) m " +
			"LEFT JOIN (done d LEFT JOIN next n ON n.type = d.type) ON d.cancelled OR n.id IS NOT NULL"
	}), []any{s.dialect.join(batch.objects()), owner.ID}
}
