package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// Claim locks those of the types that are free and have a due job, and moves the
// first job of each to processing, in one transaction. See
// [model.MaxPriority] for which one is the first.
func (s *Store) Claim(ctx context.Context, types []string, owner Owner) ([]*model.Job, error) {
	return claimed(s.database.claim(ctx, types, owner))
}

// ClaimExcept is Claim as if there were no jobs with the ids in except.
func (s *Store) ClaimExcept(ctx context.Context, types []string, except []uuid.UUID, owner Owner) ([]*model.Job, error) {
	if len(except) == 0 {
		return s.Claim(ctx, types, owner)
	}
	return claimed(s.database.claimExcept(ctx, types, except, owner))
}

func claimed(jobs []*model.Job, err error) ([]*model.Job, error) {
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	return jobs, nil
}
