package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// mysqlInsert has a row of values for each job.
const mysqlInsert = `
INSERT INTO job_system_jobs ({insert_columns})
VALUES {rows}
ON DUPLICATE KEY UPDATE job_system_jobs.id = job_system_jobs.id`

const mysqlInsertRow = `(?, ?, ?, ?, ?, ?, {json ?}, ?, COALESCE({time ?}, UTC_TIMESTAMP(6)), ?, ?, ?, 'scheduled', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))`

// insert is two statements, the second of which reads what the first has written.
func (d mysql) insert(ctx context.Context, db bun.IDB, b *batch, _ bool) (rows []*model.Job, err error) {
	if _, err := db.NewRaw(d.insertQuery(len(b.rows)), slices.Concat(b.rows...)...).Exec(ctx); err != nil {
		return nil, fmt.Errorf("insert job: %w", err)
	}
	err = db.NewRaw(d.sql(OpInsertRead, "SELECT {job_columns j} FROM job_system_jobs j WHERE j.id IN (?)"), bun.List(b.values(0))).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read the inserted job: %w", err)
	}
	return rows, nil
}

func (d mysql) insertQuery(rows int) string {
	type key struct{}
	text := d.text(OpInsert, key{}, mysqlInsert, func() words { return nil })
	row := d.words.put(mysqlInsertRow)
	return strings.Replace(text, "{rows}", strings.Repeat(row+", ", rows-1)+row, 1)
}

// notify does nothing: other engines find out when they poll.
func (mysql) notify(context.Context, bun.IDB, string) error { return nil }
