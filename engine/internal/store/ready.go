package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Ready is what a look at the first jobs of some types has found.
type Ready struct {
	// Due are the free types whose first job is due, the longest waiting first.
	Due []string
	// Expired are the runs whose lease has run out.
	Expired []LockedRun
	// Next is the time until the earliest job that is not due yet; zero when
	// there is none.
	Next time.Duration
}

// readyQuery selects the locks whose lease is over, with the time at which the
// first job of the type is due.
const readyQuery = `
SELECT l.type, l.job_id, l.attempt,
	(SELECT MIN((SELECT j.scheduled_at {head l})) FROM {priorities} p) AS due_at,
	{now} AS now
FROM job_type_lock l
WHERE l.type IN (?)
	AND l.locked_until <= {now}
ORDER BY l.type`

type readyRow struct {
	Type    string     `bun:"type"`
	JobID   *uuid.UUID `bun:"job_id"`
	Attempt int64      `bun:"attempt"`
	DueAt   model.Time `bun:"due_at"`
	Now     model.Time `bun:"now"`
}

// Ready looks at these types without locking anything: one statement, with a step
// in the claim's index for each type that is free and each priority. It does as if there
// were no jobs with the ids in except.
func (s *Store) Ready(ctx context.Context, types []string, except ...uuid.UUID) (Ready, error) {
	query, args := s.sql(OpReady, readyQuery), []any{bun.List(types)}
	if len(except) > 0 {
		query, args = s.readyExcept(), append(args, bun.List(idTexts(except)))
	}
	var rows []readyRow
	if err := s.db.NewRaw(query, args...).Scan(ctx, &rows); err != nil {
		return Ready{}, fmt.Errorf("look for due jobs: %w", err)
	}
	slices.SortStableFunc(rows, func(a, b readyRow) int { return a.DueAt.Compare(b.DueAt.Time) })
	var ready Ready
	for _, row := range rows {
		wait := row.DueAt.Sub(row.Now.Time)
		switch {
		case row.JobID != nil:
			ready.Expired = append(ready.Expired, LockedRun{Type: row.Type, JobID: *row.JobID, Attempt: row.Attempt})
		case row.DueAt.IsZero(): // the type has no job
		case wait <= 0:
			ready.Due = append(ready.Due, row.Type)
		case ready.Next == 0 || wait < ready.Next:
			ready.Next = wait
		}
	}
	return ready, nil
}

func (s *Store) readyExcept() string {
	type key struct{}
	return s.text(OpReady, key{}, readyQuery, func() words { return words{"except": exceptListed} })
}

// DueTypes returns the types that have a scheduled job, whatever the number of
// jobs in little time.
func (s *Store) DueTypes(ctx context.Context) ([]string, error) {
	var types []string
	if err := s.db.NewRaw(s.database.dueTypes()).Scan(ctx, &types); err != nil {
		return nil, fmt.Errorf("list the types with scheduled jobs: %w", err)
	}
	return types, nil
}
