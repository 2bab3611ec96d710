package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Ready is what a look at the heads of some types has found.
type Ready struct {
	// Due are the free types whose first job is due.
	Due []string
	// Expired are the runs whose lease has run out.
	Expired []Held
	// Next is the time until the earliest job that is not due yet; zero when
	// there is none.
	Next time.Duration
}

// head is the first scheduled job of the type of a lock l.
func (s *Store) head(column string) string {
	return s.sql("(SELECT j." + column + " FROM job_system_jobs j{head_hint} WHERE j.type = l.type AND j.status = 'scheduled' " +
		"AND j.deleted_at IS NULL ORDER BY {head_order} LIMIT 1)")
}

func (s *Store) readyQuery() string {
	return s.sql("SELECT l.type, l.job_id, l.attempt, " + s.head("scheduled_at") + " AS due_at, {now} AS now " +
		"FROM job_type_lock l WHERE l.type IN (?) AND l.locked_until <= {now} ORDER BY l.type")
}

func (s *Store) headsQuery() string {
	return "SELECT " + s.head("id") + " AS id FROM job_type_lock l WHERE l.type IN (?)"
}

// Ready looks at these types without locking anything: one statement, an index
// walk for each type that is free.
func (s *Store) Ready(ctx context.Context, types []string) (Ready, error) {
	var rows []struct {
		Type    string     `bun:"type"`
		JobID   *uuid.UUID `bun:"job_id"`
		Attempt int64      `bun:"attempt"`
		DueAt   model.Time `bun:"due_at"`
		Now     model.Time `bun:"now"`
	}
	err := s.db.NewRaw(s.readyQuery(), list(types)).Scan(ctx, &rows)
	if err != nil {
		return Ready{}, fmt.Errorf("look for due jobs: %w", err)
	}
	var ready Ready
	for _, row := range rows {
		wait := row.DueAt.Sub(row.Now.Time)
		switch {
		case row.JobID != nil:
			ready.Expired = append(ready.Expired, Held{Type: row.Type, JobID: *row.JobID, Attempt: row.Attempt})
		case row.DueAt.IsZero(): // the type has no job
		case wait <= 0:
			ready.Due = append(ready.Due, row.Type)
		case ready.Next == 0 || wait < ready.Next:
			ready.Next = wait
		}
	}
	return ready, nil
}

// Claim takes the locks of those types that are free and have a due job, and
// moves the first job of each to processing, in one transaction. A preferred
// job of a type goes before the others.
func (s *Store) Claim(ctx context.Context, types []string, prefer map[string]uuid.UUID, owner Owner) ([]*model.Job, error) {
	var jobs []*model.Job
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// On SQLite the first statement must be a write, or two processes that
		// have both read cannot both go on to write.
		if s.dialect.lock == "" {
			if _, err := tx.NewRaw("UPDATE job_type_lock SET attempt = attempt WHERE 1 = 0").Exec(ctx); err != nil {
				return err
			}
		}
		var free []string
		err := tx.NewRaw(s.sql("SELECT l.type FROM job_type_lock l WHERE l.type IN (?) AND l.locked_until <= {now} AND l.job_id IS NULL ORDER BY l.type{skip}"),
			list(types)).Scan(ctx, &free)
		if err != nil || len(free) == 0 {
			return err
		}
		jobs, err = s.take(ctx, tx, free, prefer, owner)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	return jobs, nil
}

// handOn passes the locks of ended runs to the next jobs of their types, or
// frees them where there is none or none is wanted.
func (s *Store) handOn(ctx context.Context, tx bun.Tx, ended []Held, owner Owner, claim bool) ([]*model.Job, error) {
	slices.SortFunc(ended, func(a, b Held) int { return strings.Compare(a.Type, b.Type) })
	if !claim {
		return nil, s.free(ctx, tx, ended)
	}
	types := make([]string, len(ended))
	byType := make(map[string]Held, len(ended))
	for i, e := range ended {
		types[i], byType[e.Type] = e.Type, e
	}
	var covered []Held
	err := tx.NewRaw(s.sql("SELECT l.type, l.job_id, l.attempt FROM job_type_lock l WHERE l.type IN (?) AND l.owner = ? AND l.job_id IS NOT NULL ORDER BY l.type{lock}"),
		list(types), owner.ID).Scan(ctx, &covered)
	if err != nil {
		return nil, fmt.Errorf("read locks: %w", err)
	}
	covered = slices.DeleteFunc(covered, func(h Held) bool { return h != byType[h.Type] })
	mine := make([]string, len(covered))
	for i, h := range covered {
		mine[i] = h.Type
	}
	if len(mine) == 0 {
		return nil, nil
	}
	jobs, err := s.take(ctx, tx, mine, nil, owner)
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		covered = slices.DeleteFunc(covered, func(h Held) bool { return h.Type == j.Type })
	}
	return jobs, s.free(ctx, tx, covered)
}

// take moves the first due job of each type to processing and has the types'
// locks cover them. The transaction holds those locks.
func (s *Store) take(ctx context.Context, tx bun.Tx, types []string, prefer map[string]uuid.UUID, owner Owner) ([]*model.Job, error) {
	ids, err := s.heads(ctx, tx, types, prefer)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	var rows []*Row
	err = tx.NewRaw(s.sql(`SELECT `+jobColumns+`, {now} AS now FROM job_system_jobs j
WHERE j.id IN (?) AND j.status = 'scheduled' AND j.deleted_at IS NULL AND j.scheduled_at <= {now} ORDER BY j.id{skip}`), list(ids)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("lock the first jobs: %w", err)
	}
	jobs := make([]*model.Job, 0, len(rows))
	for _, row := range rows {
		j := row.Job
		j.Status, j.Attempt, j.StartedAt, j.HeartbeatAt = model.Processing, j.Attempt+1, row.Now, row.Now
		if err := s.start(ctx, tx, &j, owner); err != nil {
			return nil, err
		}
		jobs = append(jobs, &j)
	}
	return jobs, nil
}

// heads returns the ids of the types' first scheduled jobs, or of the preferred
// ones.
func (s *Store) heads(ctx context.Context, tx bun.Tx, types []string, prefer map[string]uuid.UUID) ([]string, error) {
	var found []struct {
		ID *string `bun:"id"` // null for a type without jobs
	}
	err := tx.NewRaw(s.headsQuery(), list(types)).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("find the first jobs: %w", err)
	}
	ids := make([]string, 0, len(found))
	for _, head := range found {
		if head.ID != nil {
			ids = append(ids, *head.ID)
		}
	}
	if len(prefer) == 0 {
		return ids, nil
	}
	preferred := make([]string, 0, len(prefer))
	for jobType, id := range prefer {
		if slices.Contains(types, jobType) {
			preferred = append(preferred, id.String())
		}
	}
	if len(preferred) == 0 {
		return ids, nil
	}
	// Of two jobs of one type, the preferred one stays.
	var rows []model.Job
	err = tx.NewRaw("SELECT j.id, j.type, j.status FROM job_system_jobs j WHERE j.id IN (?)", list(append(preferred, ids...))).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("find the preferred jobs: %w", err)
	}
	first := make(map[string]string, len(types))
	for _, row := range rows {
		_, taken := first[row.Type]
		if id, ok := prefer[row.Type]; !taken || ok && id == row.ID && row.Status == model.Scheduled {
			first[row.Type] = row.ID.String()
		}
	}
	ids = ids[:0]
	for _, id := range first {
		ids = append(ids, id)
	}
	return ids, nil
}

// start writes a claimed job and its lock.
func (s *Store) start(ctx context.Context, tx bun.Tx, j *model.Job, owner Owner) error {
	_, err := tx.NewRaw(s.sql("UPDATE job_system_jobs SET status = 'processing', attempt = ?, started_at = ?, heartbeat_at = ?, "+
		"progressed_at = ?, finished_at = NULL, updated_at = {now} WHERE id = ?"),
		j.Attempt, j.StartedAt, j.HeartbeatAt, j.StartedAt, j.ID.String()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("move job %s to processing: %w", j.ID, err)
	}
	_, err = tx.NewRaw(s.sql("UPDATE job_type_lock SET owner = ?, job_id = ?, attempt = ?, locked_until = "+s.dialect.after(owner.Lease)+
		", updated_at = {now} WHERE type = ?"), owner.ID, j.ID.String(), j.Attempt, j.Type).Exec(ctx)
	if err != nil {
		return fmt.Errorf("take the lock of type %q: %w", j.Type, err)
	}
	return nil
}
