package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

func (d sqlite) insert(ctx context.Context, db bun.IDB, b *batch, _ bool) (rows []*model.Job, err error) {
	type key struct{}
	text := d.text(OpInsert, key{}, insertFromBatch, func() words { return words{"batch": sqliteTable(b.columns)} })
	if err := d.query(ctx, db, text, &rows, jsonArray(b.objects())); err != nil {
		return nil, fmt.Errorf("insert job: %w", err)
	}
	return rows, nil
}
