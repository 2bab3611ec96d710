package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// ByIDs returns the jobs of those ids, in their order; one that is not there is
// missing.
func (s *Store) ByIDs(ctx context.Context, db bun.IDB, jobs []uuid.UUID) ([]*model.Job, error) {
	var rows []*model.Job
	err := db.NewRaw(s.sql("SELECT "+jobColumns+" FROM job_system_jobs j WHERE j.id IN (?)"), list(idTexts(jobs))).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	byID := make(map[uuid.UUID]*model.Job, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	found := make([]*model.Job, 0, len(rows))
	for _, id := range jobs {
		if row, ok := byID[id]; ok {
			found = append(found, row)
		}
	}
	return found, nil
}

// ChildrenProgress returns the mean progress of a job's children, ended ones
// counting as done.
func (s *Store) ChildrenProgress(ctx context.Context, db bun.IDB, parent uuid.UUID) (float64, error) {
	var mean *float64
	err := db.NewRaw("SELECT AVG(CASE WHEN j.status IN ('scheduled', 'processing') THEN j.progress ELSE 1 END) FROM job_system_jobs j WHERE j.parent_id = ?",
		parent.String()).Scan(ctx, &mean)
	if err != nil || mean == nil {
		return 0, err
	}
	return *mean, nil
}

// WakeParent makes a job that waits for its children due, if all have ended, and
// reports whether it did.
func (s *Store) WakeParent(ctx context.Context, db bun.IDB, parent uuid.UUID) (bool, error) {
	var open int
	err := db.NewRaw("SELECT COUNT(*) FROM job_system_jobs j WHERE j.parent_id = ? AND j.status IN ('scheduled', 'processing') AND j.deleted_at IS NULL",
		parent.String()).Scan(ctx, &open)
	if err != nil || open > 0 {
		return false, err
	}
	res, err := db.NewRaw(s.sql("UPDATE job_system_jobs SET scheduled_at = {now}, updated_at = {now} WHERE id = ? AND status = 'scheduled' AND deleted_at IS NULL AND scheduled_at > {now}"),
		parent.String()).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("wake the parent: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
