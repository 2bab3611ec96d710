package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// rowQuery reads jobs with their locks: the lock's columns are empty unless it
// covers this run of the job.
const rowQuery = `
SELECT {job_columns j}, COALESCE(l.owner, '') AS owner, l.locked_until, {now} AS now,
	EXISTS (SELECT 1 FROM job_type_lock t WHERE t.type = j.type) AS type_served
FROM job_system_jobs j
LEFT JOIN job_type_lock l ON l.type = j.type AND l.job_id = j.id AND l.attempt = j.attempt AND j.status = 'processing'
`

// Get returns the job of that id, deleted or not, or nil if there is none.
func (s *Store) Get(ctx context.Context, db bun.IDB, id uuid.UUID) (*Row, error) {
	return s.one(ctx, db, OpJob, `WHERE j.id = ?`, id.String())
}

// Running returns the processing job of a type, or nil.
func (s *Store) Running(ctx context.Context, db bun.IDB, jobType string) (*Row, error) {
	return s.one(ctx, db, OpRunning, `WHERE j.type = ? AND j.status = 'processing'`, jobType)
}

// Latest returns the job of a type that was made last and is not deleted, or
// nil.
func (s *Store) Latest(ctx context.Context, db bun.IDB, jobType string) (*Row, error) {
	return s.one(ctx, db, OpLatest, `WHERE j.type = ? AND j.deleted_at IS NULL ORDER BY j.created_at DESC, j.id DESC LIMIT 1`, jobType)
}

func (s *Store) one(ctx context.Context, db bun.IDB, op Op, where string, args ...any) (*Row, error) {
	var row Row
	err := repeatRolledBack(db, func() error { return db.NewRaw(s.sql(op, rowQuery+where), args...).Scan(ctx, &row) })
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read job: %w", err)
	default:
		return &row, nil
	}
}

// Filter selects jobs for List; zero fields select all.
type Filter struct {
	Types    []string
	Statuses []model.Status
	Deleted  bool      // deleted ones too
	Before   uuid.UUID // older than this job: the next page
	Parent   uuid.UUID // children of this job
	Limit    int
}

// List returns jobs, the newest first.
func (s *Store) List(ctx context.Context, db bun.IDB, f Filter) ([]Row, error) {
	where, args := []string{"1 = 1"}, []any(nil)
	if len(f.Types) > 0 {
		where, args = append(where, "j.type IN (?)"), append(args, bun.List(f.Types))
	}
	if len(f.Statuses) > 0 {
		where, args = append(where, "j.status IN (?)"), append(args, bun.List(f.Statuses))
	}
	if !f.Deleted {
		where = append(where, "j.deleted_at IS NULL")
	}
	if f.Before != uuid.Nil {
		where, args = append(where, "j.id < ?"), append(args, f.Before.String())
	}
	if f.Parent != uuid.Nil {
		where, args = append(where, "j.parent_id = ?"), append(args, f.Parent.String())
	}
	args = append(args, f.Limit)
	var rows []Row
	text := s.sql(OpList, rowQuery+"WHERE "+strings.Join(where, " AND ")+" ORDER BY j.id DESC LIMIT ?")
	err := repeatRolledBack(db, func() error { return db.NewRaw(text, args...).Scan(ctx, &rows) })
	if err != nil {
		return nil, fmt.Errorf("list jobs: %w", err)
	}
	return rows, nil
}

// TypeCount is the number of jobs of a type in one status.
type TypeCount struct {
	Type   string       `bun:"type"`
	Status model.Status `bun:"status"`
	Jobs   int          `bun:"jobs"`
}

// Types counts the jobs that are not deleted by type and status.
func (s *Store) Types(ctx context.Context, db bun.IDB) ([]TypeCount, error) {
	const query = `
SELECT j.type, j.status, COUNT(*) AS jobs
FROM job_system_jobs j
WHERE j.deleted_at IS NULL
GROUP BY j.type, j.status
ORDER BY j.type, j.status`
	var counts []TypeCount
	err := repeatRolledBack(db, func() error { return db.NewRaw(s.sql(OpTypes, query)).Scan(ctx, &counts) })
	if err != nil {
		return nil, fmt.Errorf("count jobs by type: %w", err)
	}
	return counts, nil
}

// historyQuery reads the documents of the jobs of a type that succeeded last.
const historyQuery = `
SELECT j.data
FROM job_system_jobs j {history_index}
WHERE j.type = ? AND j.status = 'succeeded' AND j.deleted_at IS NULL
ORDER BY {history_order}
LIMIT ?`

// History returns the data documents of a type's jobs that succeeded last, the latest first.
// It reads that many rows at most.
func (s *Store) History(ctx context.Context, jobType string, limit int) ([]model.Data, error) {
	var rows []struct {
		Data []byte `bun:"data"`
	}
	err := s.db.NewRaw(s.sql(OpHistory, historyQuery), jobType, limit).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read recent jobs: %w", err)
	}
	documents := make([]model.Data, 0, len(rows))
	for _, row := range rows {
		if d, err := model.ParseData(row.Data); err == nil {
			documents = append(documents, d)
		}
	}
	return documents, nil
}
