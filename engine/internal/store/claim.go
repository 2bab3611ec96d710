package store

import (
	"context"
	"fmt"

	"github.com/ntxdev/jobsystem/model"
)

// Claim locks those of the types that are free and have a due job, and moves the
// first job of each to processing, in one transaction. See
// [model.MaxPriority] for which one is the first.
func (s *Store) Claim(ctx context.Context, types []string, owner Owner) ([]*model.Job, error) {
	jobs, err := s.database.claim(ctx, types, owner)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	return jobs, nil
}
