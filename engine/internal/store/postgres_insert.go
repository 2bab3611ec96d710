package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// postgresInsertNotify inserts, and notifies other engines: with the commit.
const postgresInsertNotify = `
WITH i AS (
	{insert}
)
SELECT {job_columns i}
FROM i
WHERE pg_notify('` + channel + `', '` + notifyDue + `' || i.type) IS NOT NULL`

func (d postgres) insert(ctx context.Context, db bun.IDB, b *batch, notify bool) ([]*model.Job, error) {
	if notify {
		return d.insertWith(ctx, db, OpInsertNotify, postgresInsertNotify, b)
	}
	return d.insertWith(ctx, db, OpInsert, insertFromBatch, b)
}

func (d postgres) notify(ctx context.Context, db bun.IDB, payload string) error {
	if _, err := db.NewRaw(d.sql(OpNotify, "SELECT pg_notify(?, ?)"), d.Channel(), payload).Exec(ctx); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}
