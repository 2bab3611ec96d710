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

var inserted = []column{
	{"id", ids}, {"type", texts}, {"name", texts}, {"role", texts}, {"email", texts}, {"uploaded_file_url", texts},
	{"document", documents}, {"due_at", integers}, {"idempotency_key", texts}, {"parent_id", ids},
}

// Insert writes new jobs and fills in what the database decides: the times, and
// for a job whose idempotency key is taken, the row that has it. A zero
// ScheduledAt means now. If notify is set, other engines are told, where the
// database can: with the commit.
func (s *Store) Insert(ctx context.Context, db bun.IDB, jobs []*model.Job, notify bool) error {
	return unlessDeadlocked(db, func() error { return s.insert(ctx, db, jobs, notify) })
}

func (s *Store) insert(ctx context.Context, db bun.IDB, jobs []*model.Job, notify bool) error {
	batch := &batch{columns: inserted}
	written := make([]uuid.UUID, len(jobs))
	for i, j := range jobs {
		written[i] = j.ID
		var key, parent any
		if j.IdempotencyKey != nil {
			key = *j.IdempotencyKey
		}
		if j.ParentID != nil {
			parent = j.ParentID.String()
		}
		batch.add(j.ID.String(), j.Type, j.Name, j.Role, j.Email, j.UploadedFileURL, string(j.Data), micros(j.ScheduledAt), key, parent)
	}
	var rows []*model.Job
	if s.dialect.returning {
		if err := s.fixed.query(ctx, db, s.insertReturning(notify), &rows, s.dialect.join(batch.objects())); err != nil {
			return fmt.Errorf("insert job: %w", err)
		}
		return s.fill(ctx, db, jobs, rows)
	}
	if err := s.insertValues(ctx, db, batch); err != nil {
		return fmt.Errorf("insert job: %w", err)
	}
	err := db.NewRaw(s.sql(`SELECT `+jobColumns+` FROM job_system_jobs j WHERE j.id IN (?)`), list(idTexts(written))).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read the inserted job: %w", err)
	}
	return s.fill(ctx, db, jobs, rows)
}

// The most that one statement inserts.
const (
	insertRows  = 500
	insertBytes = 4 << 20
)

// InsertAll is Insert for any number of jobs, all of them or none.
func (s *Store) InsertAll(ctx context.Context, db bun.IDB, jobs []*model.Job, notify bool) error {
	fresh := make([]model.Job, len(jobs))
	for i, j := range jobs {
		fresh[i] = *j
	}
	return unlessDeadlocked(db, func() error {
		for i, j := range jobs { // an earlier try may have filled in rows of others
			*j = fresh[i]
		}
		return s.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error { return s.InsertMany(ctx, tx, jobs, notify) })
	})
}

// InsertMany is Insert for any number of jobs, in a transaction.
func (s *Store) InsertMany(ctx context.Context, tx bun.Tx, jobs []*model.Job, notify bool) error {
	for rest := jobs; len(rest) > 0; {
		n := chunk(rest)
		if err := s.Insert(ctx, tx, rest[:n], notify); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// chunk is the number of jobs that one statement inserts.
func chunk(jobs []*model.Job) int {
	size := 0
	for n, j := range jobs {
		if size += len(j.Data); n == insertRows || n > 0 && size > insertBytes {
			return n
		}
	}
	return len(jobs)
}

// insertReturning is the insert where it returns rows; telling other engines
// is a part of it.
func (s *Store) insertReturning(notify bool) string {
	notify = notify && s.dialect.notifies
	type key struct{ notify bool }
	return s.text(key{notify}, func() string {
		query := s.insertFrom() + " RETURNING " + strings.ReplaceAll(jobColumns, "j.", "")
		if !notify {
			return query
		}
		return "WITH i AS (" + query + ") SELECT " + strings.ReplaceAll(jobColumns, "j.", "i.") +
			" FROM i WHERE pg_notify('" + Channel + "', '" + notifyDue + "' || i.type) IS NOT NULL"
	})
}

const insertInto = `INSERT INTO job_system_jobs
(id, type, name, role, email, uploaded_file_url, data, scheduled_at, idempotency_key, parent_id, status, created_at, updated_at) `

func (s *Store) insertFrom() string {
	return insertInto + `SELECT v.id, v.type, v.name, v.role, v.email, v.uploaded_file_url, ` + s.dialect.document("v.document") + `,
COALESCE(` + s.dialect.fromMicros("v.due_at") + `, {now}), v.idempotency_key, v.parent_id, 'scheduled', {now}, {now} FROM ` + s.dialect.rows(inserted) + ` WHERE 1 = 1` + s.dialect.keepExisting()
}

// insertValues is the insert where it returns no rows.
func (s *Store) insertValues(ctx context.Context, db bun.IDB, b *batch) error {
	row := s.sql("(?, ?, ?, ?, ?, ?, " + s.dialect.json("?") + ", COALESCE(" + s.dialect.fromMicros("?") + ", {now}), ?, ?, 'scheduled', {now}, {now})")
	rows, args := make([]string, len(b.rows)), make([]any, 0, len(b.rows)*len(b.columns))
	for i, values := range b.rows {
		rows[i], args = row, append(args, values...)
	}
	_, err := db.NewRaw(insertInto+"VALUES "+strings.Join(rows, ", ")+s.dialect.keepExisting(), args...).Exec(ctx)
	return err
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
			return s.Insert(ctx, db, []*model.Job{j}, true)
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
