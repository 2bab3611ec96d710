package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// Requests returns, as acknowledgements do, which of the jobs have a cancel request or a
// decision.
func (s *Store) Requests(ctx context.Context, jobs []uuid.UUID) ([]Ack, error) {
	const query = `
SELECT j.id, j.cancel_requested_at IS NOT NULL AS cancelled, j.decision IS NOT NULL AS decided
FROM job_system_jobs j
WHERE j.id IN (?) AND (j.cancel_requested_at IS NOT NULL OR j.decision IS NOT NULL)`
	var requests []Ack
	if err := s.db.NewRaw(s.sql(OpRequests, query), bun.List(idTexts(jobs))).Scan(ctx, &requests); err != nil {
		return nil, fmt.Errorf("look for cancel requests and decisions: %w", err)
	}
	return requests, nil
}
