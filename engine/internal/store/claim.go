package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/model"
)

// Claim locks those of the types that are free and have a due job, and moves the
// first job of each to processing, in one transaction. If chosen are given, it
// claims those of them that are due, at most one of a type, instead of the first
// ones.
func (s *Store) Claim(ctx context.Context, types []string, chosen []uuid.UUID, owner Owner) ([]*model.Job, error) {
	jobs, err := s.database.claim(ctx, types, chosen, owner)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	return jobs, nil
}
