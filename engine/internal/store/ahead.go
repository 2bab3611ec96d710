package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// maxAhead is how many jobs of each priority are counted at most.
const maxAhead = 1000

// aheadOfPriority counts the scheduled jobs of a type and a priority that are due before a
// time, or at that time with a smaller id.
const aheadOfPriority = `
(SELECT COUNT(*) FROM (
	SELECT j.id
	FROM (SELECT ? AS due) v
	CROSS JOIN job_system_jobs j {claim_index}
	WHERE j.type = ? AND j.status = 'scheduled' AND j.deleted_at IS NULL AND j.priority = ?
		AND j.scheduled_at <= {time v.due} AND (j.scheduled_at < {time v.due} OR j.id < ?)
	LIMIT ?
) @)`

// Ahead returns how many jobs of its type are claimed before a scheduled job, if no job is
// enqueued meanwhile: a part of the claim's index for each priority, of maxAhead jobs at most.
func (s *Store) Ahead(ctx context.Context, db bun.IDB, j *model.Job) (int, error) {
	var parts []string
	var args []any
	for i, priority := range model.Priorities() {
		due, ok := dueBefore(j, priority)
		if !ok {
			continue
		}
		parts = append(parts, strings.ReplaceAll(aheadOfPriority, "@", fmt.Sprint("p", i)))
		args = append(args, due, j.Type, priority, j.ID.String(), maxAhead)
	}
	var n int
	err := repeatRolledBack(db, func() error {
		return db.NewRaw(s.sql(OpAhead, "SELECT "+strings.Join(parts, " + ")), args...).Scan(ctx, &n)
	})
	if err != nil {
		return 0, fmt.Errorf("count the jobs ahead: %w", err)
	}
	return n, nil
}

// dueBefore returns the time, in microseconds since the Unix epoch, at which a job of that
// priority has the same rank as j; false if jobs of that priority are all behind j.
func dueBefore(j *model.Job, priority int) (micros int64, ok bool) {
	due := j.ScheduledAt.Time
	switch {
	case priority == model.ImmediatePriority && j.Priority != priority:
		due = model.MaxTime().Time
	case j.Priority == model.ImmediatePriority && j.Priority != priority:
		return 0, false
	case j.Priority != priority:
		due = due.Add(time.Duration(priority-j.Priority) * model.PriorityWorth)
	}
	return due.UnixMicro(), true
}
