package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// The most that one statement inserts.
const (
	insertRows  = 500
	insertBytes = 4 << 20
)

// insertMany inserts any number of jobs in a transaction, and fills them in as
// [Store.Insert] does.
func insertMany(ctx context.Context, d database, tx bun.Tx, jobs []*model.Job, notify bool) error {
	for rest := jobs; len(rest) > 0; {
		n := chunk(rest)
		if err := insertJobs(ctx, d, tx, rest[:n], notify, insertTries); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// chunk returns the number of jobs that one statement inserts.
func chunk(jobs []*model.Job) int {
	size := 0
	for n, j := range jobs {
		if size += len(j.Data); n == insertRows || n > 0 && size > insertBytes {
			return n
		}
	}
	return len(jobs)
}

// insertTries is how often a job is inserted whose idempotency key is freed each time.
const insertTries = 20

// insertJobs inserts jobs with one statement, and fills them in.
func insertJobs(ctx context.Context, d database, db bun.IDB, jobs []*model.Job, notify bool, tries int) error {
	return repeatRolledBack(db, func() error {
		rows, err := d.insert(ctx, db, batchOfJobs(jobs), notify)
		if err != nil {
			return err
		}
		return fill(ctx, d, db, jobs, rows, tries)
	})
}

// batchOfJobs returns new jobs as a batch of insertBatch.
func batchOfJobs(jobs []*model.Job) *batch {
	b := &batch{columns: insertBatch}
	for _, j := range jobs {
		var parent any
		if j.ParentID != nil {
			parent = j.ParentID.String()
		}
		b.add(j.ID.String(), j.Type, j.Name, j.Role, j.Email, j.UploadedFileURL, string(j.Data), j.Priority,
			epochMicros(j.ScheduledAt), pointee(j.IdempotencyKey), j.UniqueUntil, parent)
	}
	return b
}

// fill puts the rows that were inserted into jobs, and those that were there
// before, found by their keys. It inserts a job at most so many times whose key was freed
// meanwhile.
func fill(ctx context.Context, d database, db bun.IDB, jobs, rows []*model.Job, tries int) error {
	byID := make(map[uuid.UUID]*model.Job, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	for _, j := range jobs {
		if row, ok := byID[j.ID]; ok {
			*j = *row
			continue
		}
		if j.IdempotencyKey == nil {
			return fmt.Errorf("insert job of type %q: the database has inserted no row of its id, and says nothing of an error: has %s a trigger?", j.Type, d.named("job_system_jobs"))
		}
		switch err := readByKey(ctx, d, db, j); {
		case errors.Is(err, sql.ErrNoRows) && tries > 1: // the key does not bind any more
			return insertJobs(ctx, d, db, []*model.Job{j}, true, tries-1)
		case errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("insert job of type %q: the database inserts no row, and has none of its idempotency key: has %s a trigger?", j.Type, d.named("job_system_jobs"))
		case err != nil:
			return err
		}
	}
	return nil
}

// readByKey reads the job whose key binds that j has, into j. Where a transaction's snapshot
// may be older than that job, it reads with a lock.
func readByKey(ctx context.Context, d database, db bun.IDB, j *model.Job) error {
	const query = `
SELECT {job_columns j}
FROM job_system_jobs j
WHERE j.type = ? AND {has_key j}
{see_newest}`
	var row model.Job
	if err := db.NewRaw(d.sql(OpInsertExisting, query), j.Type, *j.IdempotencyKey).Scan(ctx, &row); err != nil {
		return fmt.Errorf("read the job of type %q with idempotency key %q: %w", j.Type, *j.IdempotencyKey, err)
	}
	*j = row
	j.Existing = true
	return nil
}
