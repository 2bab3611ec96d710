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
	// Due are the free types whose first job is due, the longest waiting first.
	Due []string
	// Expired are the runs whose lease has run out.
	Expired []Held
	// Next is the time until the earliest job that is not due yet; zero when
	// there is none.
	Next time.Duration
}

// head is a column of the first scheduled job of the type of a row of table.
func (s *Store) head(column, table string) string {
	return s.sql("(SELECT j." + column + " FROM job_system_jobs j{head_hint} WHERE j.type = " + table + ".type AND j.status = 'scheduled' " +
		"AND j.deleted_at IS NULL ORDER BY {head_order} LIMIT 1)")
}

type readyRow struct {
	Type    string     `bun:"type"`
	JobID   *uuid.UUID `bun:"job_id"`
	Attempt int64      `bun:"attempt"`
	DueAt   model.Time `bun:"due_at"`
	Now     model.Time `bun:"now"`
}

func (s *Store) readyQuery() string {
	return s.sql("SELECT l.type, l.job_id, l.attempt, " + s.head("scheduled_at", "l") + " AS due_at, {now} AS now " +
		"FROM job_type_lock l WHERE l.type IN (?) AND l.locked_until <= {now} ORDER BY l.type")
}

func (s *Store) headsQuery() string {
	return "SELECT " + s.head("id", "l") + " AS id FROM job_type_lock l WHERE l.type IN (?)"
}

// Ready looks at these types without locking anything: one statement, an index
// walk for each type that is free.
func (s *Store) Ready(ctx context.Context, types []string) (Ready, error) {
	var rows []readyRow
	err := s.db.NewRaw(s.readyQuery(), list(types)).Scan(ctx, &rows)
	if err != nil {
		return Ready{}, fmt.Errorf("look for due jobs: %w", err)
	}
	slices.SortStableFunc(rows, func(a, b readyRow) int { return a.DueAt.Compare(b.DueAt.Time) })
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
// moves the first job of each to processing, in one transaction. If ids are
// given, it claims those of them that are due, at most one of a type, and not
// the first ones.
func (s *Store) Claim(ctx context.Context, types []string, ids []uuid.UUID, owner Owner) ([]*model.Job, error) {
	var jobs []*model.Job
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		free := grip{where: "l.type IN (?) AND l.locked_until <= {now} AND l.job_id IS NULL", args: []any{list(types)}, lock: s.dialect.skip}
		if jobs, err = s.take(ctx, tx, free, ids); err != nil {
			return err
		}
		return s.pass(ctx, tx, nil, jobs, owner)
	})
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	return jobs, nil
}

// handOn passes the locks of ended runs to the next jobs of their types, or
// frees them where there is none or none is wanted.
func (s *Store) handOn(ctx context.Context, tx bun.Tx, ended []Held, owner Owner, claim bool) (jobs []*model.Job, err error) {
	if len(ended) == 0 {
		return nil, nil
	}
	slices.SortFunc(ended, func(a, b Held) int { return strings.Compare(a.Type, b.Type) })
	if claim {
		types, runs, args := make([]string, len(ended)), make([]string, len(ended)), make([]any, 2, 2+2*len(ended))
		for i, run := range ended {
			types[i], runs[i] = run.Type, "(l.job_id = ? AND l.attempt = ?)"
			args = append(args, run.JobID.String(), run.Attempt)
		}
		args[0], args[1] = list(types), owner.ID
		mine := grip{where: "l.type IN (?) AND l.owner = ? AND (" + strings.Join(runs, " OR ") + ")", args: args, lock: s.dialect.lock}
		if jobs, err = s.take(ctx, tx, mine, nil); err != nil {
			return nil, err
		}
	}
	return jobs, s.pass(ctx, tx, ended, jobs, owner)
}

// grip selects locks l that a transaction takes hold of.
type grip struct {
	where string
	args  []any
	lock  string // how: the end of a SELECT
}

// startColumns moves a job to processing.
const startColumns = "status = 'processing', attempt = attempt + 1, started_at = {now}, heartbeat_at = {now}, progressed_at = {now}, finished_at = NULL, updated_at = {now}"

// take gets hold of locks and moves the first due job of each one's type, or
// the given jobs, to processing.
func (s *Store) take(ctx context.Context, tx bun.Tx, g grip, ids []uuid.UUID) ([]*model.Job, error) {
	if !s.dialect.returning {
		return s.takeInSteps(ctx, tx, g, ids)
	}
	pick, args := s.head("id", "mine"), slices.Clone(g.args)
	pick = "(SELECT " + pick + " FROM mine)"
	if len(ids) > 0 {
		pick, args = "(?) AND h.type IN (SELECT type FROM mine)", append(args, list(texts(ids)))
	}
	var jobs []*model.Job
	err := tx.NewRaw(s.sql("WITH mine AS MATERIALIZED (SELECT l.type FROM job_type_lock l WHERE "+g.where+" ORDER BY l.type"+g.lock+"), "+
		"picked AS MATERIALIZED (SELECT h.id FROM job_system_jobs h WHERE h.id IN "+pick+
		" AND h.status = 'scheduled' AND h.deleted_at IS NULL AND h.scheduled_at <= {now}{skip}) "+
		"UPDATE job_system_jobs AS j SET "+startColumns+" WHERE j.id IN (SELECT id FROM picked) RETURNING "+s.dialect.returned(jobColumns)), args...).Scan(ctx, &jobs)
	if err != nil {
		return nil, fmt.Errorf("take the first jobs: %w", err)
	}
	return jobs, nil
}

// takeInSteps is take where UPDATE does not return rows.
func (s *Store) takeInSteps(ctx context.Context, tx bun.Tx, g grip, ids []uuid.UUID) ([]*model.Job, error) {
	var types []string
	err := tx.NewRaw(s.sql("SELECT l.type FROM job_type_lock l WHERE "+g.where+" ORDER BY l.type"+g.lock), g.args...).Scan(ctx, &types)
	if err != nil || len(types) == 0 {
		return nil, err
	}
	picked := texts(ids)
	if len(picked) == 0 {
		if picked, err = s.heads(ctx, tx, types); err != nil || len(picked) == 0 {
			return nil, err
		}
	}
	var rows []*Row
	err = tx.NewRaw(s.sql(`SELECT `+jobColumns+`, {now} AS now FROM job_system_jobs j FORCE INDEX (PRIMARY) WHERE j.id IN (?) AND j.type IN (?)
AND j.status = 'scheduled' AND j.deleted_at IS NULL AND j.scheduled_at <= {now} ORDER BY j.id{skip}`), list(picked), list(types)).Scan(ctx, &rows)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	jobs, started := make([]*model.Job, len(rows)), make([]string, len(rows))
	for i, row := range rows {
		j := row.Job
		j.Status, j.Attempt, j.FinishedAt = model.Processing, j.Attempt+1, model.Time{}
		j.StartedAt, j.HeartbeatAt, j.ProgressedAt, j.UpdatedAt = row.Now, row.Now, row.Now, row.Now
		jobs[i], started[i] = &j, j.ID.String()
	}
	res, err := tx.NewRaw(strings.ReplaceAll("UPDATE job_system_jobs SET "+startColumns+" WHERE id IN (?1)", "{now}", "?0"), rows[0].Now, list(started)).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("move jobs to processing: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != int64(len(jobs)) {
		return nil, fmt.Errorf("move jobs to processing: %d of %d rows were found by their ids (%w)", n, len(jobs), err)
	}
	return jobs, nil
}

// heads returns the ids of the types' first scheduled jobs.
func (s *Store) heads(ctx context.Context, tx bun.Tx, types []string) ([]string, error) {
	var found []struct {
		ID *string `bun:"id"` // null for a type without jobs
	}
	if err := tx.NewRaw(s.headsQuery(), list(types)).Scan(ctx, &found); err != nil {
		return nil, fmt.Errorf("find the first jobs: %w", err)
	}
	ids := make([]string, 0, len(found))
	for _, head := range found {
		if head.ID != nil {
			ids = append(ids, *head.ID)
		}
	}
	return ids, nil
}

// pass has the types' locks cover the jobs that were taken, and frees those of
// the ended runs that no job follows. The transaction holds those locks.
func (s *Store) pass(ctx context.Context, tx bun.Tx, ended []Held, jobs []*model.Job, owner Owner) error {
	next := make(map[string]bool, len(jobs))
	rows := make([]lockRow, 0, len(ended)+len(jobs))
	for _, j := range jobs {
		next[j.Type] = true
		rows = append(rows, lockRow{jobType: j.Type, job: &j.ID, attempt: j.Attempt})
	}
	for _, run := range ended {
		if !next[run.Type] {
			rows = append(rows, lockRow{jobType: run.Type, ended: &run})
		}
	}
	return s.writeLocks(ctx, tx, rows, owner)
}
