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

// update writes the rows and returns those that took effect.
func (s *Store) update(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	var acks []Ack
	if s.dialect.returning {
		query, args := s.updateReturning(writes)
		if err := s.fixed.query(ctx, db, query, &acks, args...); err != nil {
			return nil, fmt.Errorf("write records: %w", err)
		}
		return byJob(acks), nil
	}
	if err := db.NewRaw("?", s.fenced(writes, " FOR UPDATE")).Scan(ctx, &acks); err != nil {
		return nil, fmt.Errorf("lock rows: %w", err)
	}
	held := byJob(acks)
	writes = slices.DeleteFunc(slices.Clone(writes), func(w Write) bool { _, ok := held[w.JobID]; return !ok })
	if len(writes) == 0 {
		return held, nil
	}
	_, err := s.updateAll(ctx, db, writes)
	return held, err
}

const ackColumns = "j.id, j.cancel_requested_at IS NOT NULL AS cancelled"

// updateReturning is the statement of update where UPDATE returns rows.
func (s *Store) updateReturning(writes []Write) (string, []any) {
	patches, batch := s.batch(writes)
	type key struct{ patches int }
	return s.text(key{patches}, func() string {
		return s.withWrites(patches) + " " + s.updateFrom(patches) + " RETURNING " + s.dialect.returned(ackColumns)
	}), []any{s.dialect.join(batch.objects())}
}

// updateRunning is update for runs that go on, where UPDATE does not return rows.
// Afterwards just those are processing under their attempts that were before.
func (s *Store) updateRunning(ctx context.Context, writes []Write) (map[uuid.UUID]Ack, error) {
	if len(writes) == 1 {
		return s.updateOne(ctx, writes[0])
	}
	if _, err := s.updateAll(ctx, s.db, writes); err != nil {
		return nil, err
	}
	return s.readAcks(ctx, s.db, writes)
}

// errSomeGone says that some of the rows are no longer their runs'.
var errSomeGone = errors.New("not all rows were met")

// updateWhole is update, there, for batches with all of whose rows are still
// their runs': it finds that out without locking them first, and fails with
// errSomeGone if it is not so.
func (s *Store) updateWhole(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	if s.dialect.returning {
		return s.update(ctx, db, writes)
	}
	switch met, err := s.updateAll(ctx, db, writes); {
	case err != nil:
		return nil, err
	case met != int64(len(writes)):
		return nil, errSomeGone
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
	read, err := s.readAcks(ctx, db, running)
	maps.Copy(acks, read)
	return acks, err
}

func (s *Store) updateAll(ctx context.Context, db bun.IDB, writes []Write) (met int64, err error) {
	res, err := db.NewRaw("?", s.updateChosen(writes, "")).Exec(ctx)
	if err == nil {
		met, err = res.RowsAffected() // each of them is changed: its heartbeat is
	}
	if err != nil {
		return 0, fmt.Errorf("write records: %w", err)
	}
	return met, nil
}

// readAcks reads the answer to writes that took effect.
func (s *Store) readAcks(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error) {
	var acks []Ack
	if err := db.NewRaw("?", s.fenced(writes, "")).Scan(ctx, &acks); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return byJob(acks), nil
}

// updateOne is updateRunning for one row, in a single statement: the answer comes
// as its last insert id, which LAST_INSERT_ID with an argument sets if a row is
// met.
func (s *Store) updateOne(ctx context.Context, write Write) (map[uuid.UUID]Ack, error) {
	const met, cancelled = 1, 2
	answer := fmt.Sprintf(", j.attempt = j.attempt + 0 * LAST_INSERT_ID(CASE WHEN j.cancel_requested_at IS NULL THEN %d ELSE %d END)", met, cancelled)
	res, err := s.db.NewRaw("?", s.updateChosen([]Write{write}, answer)).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("write records: %w", err)
	}
	said, err := res.LastInsertId()
	if err != nil {
		return nil, fmt.Errorf("write records: %w", err)
	}
	if said != met && said != cancelled {
		return map[uuid.UUID]Ack{}, nil
	}
	return byJob([]Ack{{JobID: write.JobID, Cancelled: said == cancelled}}), nil
}

func byJob(acks []Ack) map[uuid.UUID]Ack {
	out := make(map[uuid.UUID]Ack, len(acks))
	for _, a := range acks {
		out[a.JobID] = a
	}
	return out
}

// fenced reads the rows that are still the runs', and by way of the primary
// key no others.
func (s *Store) fenced(writes []Write, lock string) bun.Safe {
	batch := &batch{columns: []column{{"id", ids}, {"attempt", integers}, {"number", integers}}}
	for _, w := range writes {
		batch.add(w.JobID.String(), w.Attempt, w.Number)
	}
	return s.inlineValues(batch, "j.id", "SELECT "+ackColumns+" FROM job_system_jobs j FORCE INDEX (PRIMARY) "+
		"WHERE j.id IN ({keys}) AND j.attempt = v.attempt AND j.writes <= v.number AND j.status = 'processing' ORDER BY j.id"+lock, Owner{})
}
