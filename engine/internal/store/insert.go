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

// Insert writes new jobs and fills in what the database decides: the times, and
// for a job whose idempotency key is taken, the row that has it. A zero
// ScheduledAt means now.
func (s *Store) Insert(ctx context.Context, db bun.IDB, jobs []*model.Job) error {
	ids := make([]uuid.UUID, len(jobs))
	rows := make([]string, len(jobs))
	var args []any
	for i, j := range jobs {
		ids[i] = j.ID
		scheduled := bun.Safe(s.dialect.now)
		rows[i] = s.sql("(?, ?, ?, ?, ?, ?, ?, 'scheduled', ?, ?, {now}, {now})")
		args = append(args, j.ID.String(), j.Type, j.Name, j.Role, j.Email, j.UploadedFileURL, string(j.Data))
		if j.ScheduledAt.IsZero() {
			args = append(args, scheduled)
		} else {
			args = append(args, j.ScheduledAt)
		}
		args = append(args, j.IdempotencyKey)
	}
	query := `INSERT INTO job_system_jobs AS j
(id, type, name, role, email, uploaded_file_url, data, status, scheduled_at, idempotency_key, created_at, updated_at)
VALUES ` + strings.Join(rows, ", ") + s.dialect.keepExisting()
	var inserted []*model.Job
	if s.dialect.returning {
		if err := db.NewRaw(s.sql(query+" RETURNING "+s.dialect.returned(jobColumns)), args...).Scan(ctx, &inserted); err != nil {
			return fmt.Errorf("insert job: %w", err)
		}
		return s.fill(ctx, db, jobs, inserted)
	}
	if _, err := db.NewRaw(strings.Replace(query, " AS j", "", 1), args...).Exec(ctx); err != nil {
		return fmt.Errorf("insert job: %w", err)
	}
	err := db.NewRaw(s.sql(`SELECT `+jobColumns+` FROM job_system_jobs j WHERE j.id IN (?)`), list(texts(ids))).Scan(ctx, &inserted)
	if err != nil {
		return fmt.Errorf("read the inserted job: %w", err)
	}
	return s.fill(ctx, db, jobs, inserted)
}

// fill puts the rows that were inserted into jobs, and those that were there
// before, found by their keys.
func (s *Store) fill(ctx context.Context, db bun.IDB, jobs, rows []*model.Job) error {
	byID := make(map[uuid.UUID]*model.Job, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	for _, j := range jobs {
		if row, ok := byID[j.ID]; ok {
			*j = *row
			continue
		}
		switch err := s.readByKey(ctx, db, j); {
		case errors.Is(err, sql.ErrNoRows): // deleted since, which has freed the key
			return s.Insert(ctx, db, []*model.Job{j})
		case err != nil:
			return err
		}
	}
	return nil
}

// readByKey reads the job that has j's key into j. Where a
// transaction's snapshot may be older than that job, it reads with a lock.
func (s *Store) readByKey(ctx context.Context, db bun.IDB, j *model.Job) error {
	var row model.Job
	err := db.NewRaw(s.sql(`SELECT `+jobColumns+` FROM job_system_jobs j WHERE j.type = ? AND j.idempotency_key = ?{key_lock}`),
		j.Type, *j.IdempotencyKey).Scan(ctx, &row)
	if err != nil {
		return fmt.Errorf("read the job of type %q with idempotency key %q: %w", j.Type, *j.IdempotencyKey, err)
	}
	*j = row
	j.Existing = true
	return nil
}
