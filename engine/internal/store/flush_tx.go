package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// flushInTx applies writes in a transaction of its own: update writes the rows, the
// children of runs that end are inserted, and the next jobs of their types claimed.
func flushInTx(ctx context.Context, d database, writes []Write, owner Owner, claim bool,
	update func(context.Context, bun.IDB, []Write) (map[uuid.UUID]Ack, error),
) (done Flushed, err error) {
	err = d.inTx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		if done.Acks, err = update(ctx, tx, writes); err != nil {
			return err
		}
		var ended, freed []LockedRun
		for _, w := range writes {
			if _, ok := done.Acks[w.JobID]; !ok || w.End == "" {
				continue
			}
			run := LockedRun{Type: w.Type, JobID: w.JobID, Attempt: w.Attempt}
			if claim && !w.FreesType {
				ended = append(ended, run)
			} else {
				freed = append(freed, run)
			}
			if err := insertMany(ctx, d, tx, w.Children, true); err != nil {
				return err
			}
		}
		done.Next, err = claimSuccessors(ctx, d, tx, ended, freed, owner)
		return err
	})
	if err != nil {
		return Flushed{}, fmt.Errorf("flush: %w", err)
	}
	return done, nil
}

// anyEnds reports whether one of the writes ends its run.
func anyEnds(writes []Write) bool {
	return slices.ContainsFunc(writes, func(w Write) bool { return w.End != "" })
}

// anyFreesType reports whether one of the writes frees its type.
func anyFreesType(writes []Write) bool {
	return slices.ContainsFunc(writes, func(w Write) bool { return w.FreesType })
}

// anyChildren reports whether one of the writes inserts jobs.
func anyChildren(writes []Write) bool {
	return slices.ContainsFunc(writes, func(w Write) bool { return len(w.Children) > 0 })
}

// byJob returns acks by their jobs.
func byJob(acks []Ack) map[uuid.UUID]Ack {
	out := make(map[uuid.UUID]Ack, len(acks))
	for _, a := range acks {
		out[a.JobID] = a
	}
	return out
}
