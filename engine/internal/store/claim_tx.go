package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// claimInTx claims jobs in a transaction of its own: claim moves them to
// processing, with their types' locks locked, and the locks are assigned to them.
func claimInTx(ctx context.Context, d database, owner Owner,
	claim func(context.Context, bun.Tx) ([]*model.Job, error),
) (jobs []*model.Job, err error) {
	err = d.inTx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		if jobs, err = claim(ctx, tx); err != nil {
			return err
		}
		return assignLocks(ctx, d, tx, nil, jobs, owner)
	})
	return jobs, err
}

// claimSuccessors assigns the locks of ended runs to the next jobs of their types,
// and frees them where there is none. It also frees the locks of the runs in freed.
func claimSuccessors(ctx context.Context, d database, tx bun.Tx, ended, freed []LockedRun, owner Owner) (jobs []*model.Job, err error) {
	byType := func(a, b LockedRun) int { return strings.Compare(a.Type, b.Type) }
	slices.SortFunc(ended, byType)
	if len(ended) > 0 {
		if jobs, err = d.claimHeld(ctx, tx, ended, owner); err != nil {
			return nil, err
		}
	}
	all := slices.Concat(ended, freed)
	slices.SortFunc(all, byType)
	return jobs, assignLocks(ctx, d, tx, all, jobs, owner)
}

// assignLocks makes the types' locks cover the claimed jobs, and frees those of the
// ended runs that no job follows. The transaction holds those locks.
func assignLocks(ctx context.Context, d database, tx bun.Tx, ended []LockedRun, jobs []*model.Job, owner Owner) error {
	next := make(map[string]bool, len(jobs))
	b := &batch{columns: lockBatch}
	for _, j := range jobs {
		next[j.Type] = true
		b.add(j.Type, j.ID.String(), j.Attempt, nil, nil)
	}
	for _, run := range ended {
		if !next[run.Type] {
			b.add(run.Type, nil, 0, run.JobID.String(), run.Attempt)
		}
	}
	if len(b.rows) == 0 {
		return nil
	}
	if err := d.writeLocks(ctx, tx, b, owner); err != nil {
		return fmt.Errorf("write locks: %w", err)
	}
	return nil
}

// batchOfRuns returns runs as a batch of heldBatch.
func batchOfRuns(runs []LockedRun) *batch {
	b := &batch{columns: heldBatch}
	for _, run := range runs {
		b.add(run.Type, run.JobID.String(), run.Attempt)
	}
	return b
}
