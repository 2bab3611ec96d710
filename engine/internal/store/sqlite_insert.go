package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

func (d sqlite) insert(ctx context.Context, db bun.IDB, b *batch, _ bool) ([]*model.Job, error) {
	return d.insertWith(ctx, db, OpInsert, insertFromBatch, b)
}

// notify does nothing: other engines find out when they poll.
func (sqlite) notify(context.Context, bun.IDB, string) error { return nil }
