package store

import (
	"bytes"
	"context"
	"slices"

	"github.com/uptrace/bun"
)

// Flush applies writes, at most [MaxBatch] and one for a job, in one
// transaction. It also frees the types whose runs end, and if claim is set, claims
// the next jobs of those types.
func (s *Store) Flush(ctx context.Context, writes []Write, owner Owner, claim bool) (Flushed, error) {
	writes = slices.Clone(writes)
	slices.SortFunc(writes, func(a, b Write) int { return bytes.Compare(a.JobID[:], b.JobID[:]) }) // as their texts
	return s.database.flush(ctx, writes, owner, claim)
}

// WriteIn is Flush of one write, of a run that continues, within the caller's
// transaction. It reports whether the row is still the run's.
func (s *Store) WriteIn(ctx context.Context, tx bun.Tx, write Write) (Ack, bool, error) {
	acks, err := s.database.update(ctx, tx, []Write{write})
	ack, ok := acks[write.JobID]
	return ack, ok, err
}
