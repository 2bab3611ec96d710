package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// ByIDs returns the jobs of those ids, deleted or not.
func (s *Store) ByIDs(ctx context.Context, db bun.IDB, jobs []uuid.UUID) (map[uuid.UUID]*model.Job, error) {
	var rows []*model.Job
	err := db.NewRaw(s.sql(OpJobs, "SELECT {job_columns j} FROM job_system_jobs j WHERE j.id IN (?)"), bun.List(idTexts(jobs))).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	byID := make(map[uuid.UUID]*model.Job, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	return byID, nil
}

// Progress returns the mean progress of some jobs.
func (s *Store) Progress(ctx context.Context, db bun.IDB, jobs []uuid.UUID) (float64, error) {
	var mean *float64
	err := db.NewRaw(s.sql(OpChildrenProgress, "SELECT AVG(j.progress) FROM job_system_jobs j WHERE j.id IN (?)"), bun.List(idTexts(jobs))).Scan(ctx, &mean)
	if err != nil || mean == nil {
		return 0, err
	}
	return *mean, nil
}

// AnyOpen reports whether one of the jobs is scheduled or processing.
func (s *Store) AnyOpen(ctx context.Context, db bun.IDB, jobs []uuid.UUID) (bool, error) {
	const query = `
SELECT COUNT(*)
FROM job_system_jobs j
WHERE j.id IN (?) AND j.status IN ('scheduled', 'processing') AND j.deleted_at IS NULL`
	var n int
	err := db.NewRaw(s.sql(OpChildrenOpen, query), bun.List(idTexts(jobs))).Scan(ctx, &n)
	if err != nil {
		return false, fmt.Errorf("look for jobs that have not ended: %w", err)
	}
	return n > 0, nil
}

// MakeDue makes a scheduled job due that is not, if it has not run since that
// attempt, and reports whether it did.
func (s *Store) MakeDue(ctx context.Context, db bun.IDB, id uuid.UUID, attempt int64) (bool, error) {
	const query = `
UPDATE job_system_jobs
SET scheduled_at = {now}, updated_at = {now}
WHERE id = ? AND attempt = ? AND status = 'scheduled' AND deleted_at IS NULL AND scheduled_at > {now}`
	res, err := db.NewRaw(s.sql(OpMakeDue, query), id.String(), attempt).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("make a job due: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
