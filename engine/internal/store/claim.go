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
	Expired []LockedRun
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
			ready.Expired = append(ready.Expired, LockedRun{Type: row.Type, JobID: *row.JobID, Attempt: row.Attempt})
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
// moves the first job of each to processing, in one transaction. If chosen are
// given, it claims those of them that are due, at most one of a type, and not
// the first ones.
func (s *Store) Claim(ctx context.Context, types []string, chosen []uuid.UUID, owner Owner) ([]*model.Job, error) {
	jobs, err := s.claim(ctx, types, chosen, owner)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	return jobs, nil
}

func (s *Store) claim(ctx context.Context, types []string, chosen []uuid.UUID, owner Owner) (jobs []*model.Job, err error) {
	free := s.freeLocks(types)
	if s.dialect.writableCTE && len(chosen) == 0 {
		return jobs, s.fixed.query(ctx, s.db, s.claimCTE(free, owner), &jobs, append(free.args, owner.ID)...)
	}
	err = s.inTx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		if jobs, err = s.claimHeads(ctx, tx, free, chosen); err != nil {
			return err
		}
		return s.assignLocks(ctx, tx, nil, jobs, owner)
	})
	return jobs, err
}

// claimCTE is the claim in a single statement: see flushAtOnce.
func (s *Store) claimCTE(free lockQuery, owner Owner) string {
	type key struct{ lease time.Duration }
	return s.text(key{owner.Lease}, func() string {
		return "WITH mine AS MATERIALIZED (" + free.query + "), " + s.startFirst() +
			"locks AS (UPDATE job_type_lock l SET job_id = n.id, attempt = n.attempt, updated_at = {now}, owner = ?, locked_until = " + s.dialect.after(owner.Lease) +
			" FROM next n WHERE l.type = n.type) SELECT " + strings.ReplaceAll(jobColumns, "j.", "n.") + " FROM next n"
	})
}

// startFirst are the parts of a statement that move the first due job of each
// of the types in mine to processing, as next.
func (s *Store) startFirst() string {
	return s.pickFirst() + ", next AS MATERIALIZED (" + s.startPicked() + " RETURNING " + jobColumns + "), "
}

// pickFirst finds those jobs and locks them. Where rows can be locked, a job that
// somebody else has locked is passed over.
func (s *Store) pickFirst() string {
	if !s.dialect.writableCTE {
		return "picked AS MATERIALIZED (SELECT h.id FROM job_system_jobs h WHERE h.id IN (SELECT " + s.head("id", "mine") + " FROM mine)" + due + ")"
	}
	// A walk of the claim's index for each type, whatever the planner takes the
	// tables for. Only a time that stands still within a statement can end it.
	first := strings.ReplaceAll("SELECT h.id FROM job_system_jobs h WHERE h.type = mine.type"+due+" ORDER BY h.scheduled_at, h.id LIMIT 1{skip}", "{now}", "statement_timestamp()")
	return "picked AS MATERIALIZED (SELECT first.id FROM mine CROSS JOIN LATERAL (" + first + ") first)"
}

// due is the rest of a condition on jobs h that are to be claimed.
const due = " AND h.status = 'scheduled' AND h.deleted_at IS NULL AND h.scheduled_at <= {now}"

func (s *Store) startPicked() string {
	return "UPDATE job_system_jobs AS j SET " + startColumns + " WHERE j.id IN (SELECT id FROM picked)"
}

// claimSuccessors passes the locks of ended runs to the next jobs of their types, or
// frees them where there is none or none is wanted.
func (s *Store) claimSuccessors(ctx context.Context, tx bun.Tx, ended []LockedRun, owner Owner, claim bool) (jobs []*model.Job, err error) {
	if len(ended) == 0 {
		return nil, nil
	}
	slices.SortFunc(ended, func(a, b LockedRun) int { return strings.Compare(a.Type, b.Type) })
	if claim {
		if jobs, err = s.claimHeads(ctx, tx, s.heldLocks(ended, owner), nil); err != nil {
			return nil, err
		}
	}
	return jobs, s.assignLocks(ctx, tx, ended, jobs, owner)
}

// lockQuery selects the types of the locks that a transaction takes hold of, with
// one text for each kind of grip.
type lockQuery struct {
	query string
	args  []any
}

// withHead adds the first job of each type to a grip where the statement that
// gets hold of the locks cannot go on to that job.
func (s *Store) withHead() string {
	if s.dialect.returning {
		return ""
	}
	return ", " + s.head("id", "l") + " AS head"
}

// freeLocks are the locks of those types that cover no run.
func (s *Store) freeLocks(types []string) lockQuery {
	return lockQuery{
		query: "SELECT l.type" + s.withHead() + " FROM job_type_lock l WHERE " + s.dialect.oneOf("l.type", texts) + " AND l.locked_until <= {now} AND l.job_id IS NULL ORDER BY l.type{skip}",
		args:  []any{s.dialect.list(types)},
	}
}

// heldLocks are the locks of those runs, if they are still the owner's.
func (s *Store) heldLocks(runs []LockedRun, owner Owner) lockQuery {
	batch := &batch{columns: passing[:3]}
	for _, run := range runs {
		batch.add(run.Type, run.JobID.String(), run.Attempt)
	}
	if s.dialect.rows == nil {
		return lockQuery{query: "?", args: []any{s.inlineValues(batch, "l.type", "SELECT l.type"+s.withHead()+" FROM job_type_lock l "+
			"WHERE l.type IN ({keys}) AND l.job_id = v.job_id AND l.attempt = v.attempt AND l.owner = {owner} ORDER BY l.type{lock}", owner)}}
	}
	return lockQuery{
		query: "SELECT l.type FROM " + s.dialect.rows(batch.columns) + " JOIN job_type_lock l ON l.type = v.type AND l.job_id = v.job_id AND l.attempt = v.attempt " +
			"WHERE l.owner = ? ORDER BY l.type{lock}",
		args: []any{s.dialect.join(batch.objects()), owner.ID},
	}
}

// startColumns moves a job to processing.
const startColumns = "status = 'processing', attempt = j.attempt + 1, writes = 0, started_at = {now}, heartbeat_at = {now}, progressed_at = {now}, finished_at = NULL, updated_at = {now}"

// claimHeads gets hold of locks and moves the first due job of each one's type, or
// the chosen jobs, to processing.
func (s *Store) claimHeads(ctx context.Context, tx bun.Tx, g lockQuery, chosen []uuid.UUID) ([]*model.Job, error) {
	if !s.dialect.returning {
		return s.claimHeadsMySQL(ctx, tx, g, chosen)
	}
	pick, args := s.pickFirst(), g.args
	if len(chosen) > 0 {
		pick = "picked AS MATERIALIZED (SELECT h.id FROM job_system_jobs h WHERE " + s.dialect.oneOf("h.id", ids) + " AND h.type IN (SELECT type FROM mine)" + due + "{skip})"
		args = append(slices.Clone(args), s.dialect.list(idTexts(chosen)))
	}
	type key struct{ pick, query string }
	text := s.text(key{pick, g.query}, func() string {
		return "WITH mine AS MATERIALIZED (" + g.query + "), " + pick + " " + s.startPicked() + " RETURNING " + s.dialect.returned(jobColumns)
	})
	var jobs []*model.Job
	if err := s.fixed.query(ctx, tx, text, &jobs, args...); err != nil {
		return nil, fmt.Errorf("take the first jobs: %w", err)
	}
	return jobs, nil
}

// claimHeadsMySQL is take where UPDATE does not return rows.
func (s *Store) claimHeadsMySQL(ctx context.Context, tx bun.Tx, g lockQuery, chosen []uuid.UUID) ([]*model.Job, error) {
	var locks []struct {
		Type string  `bun:"type"`
		Head *string `bun:"head"` // null for a type without jobs
	}
	if err := tx.NewRaw(s.sql(g.query), g.args...).Scan(ctx, &locks); err != nil {
		return nil, err
	}
	types, picked := make([]string, 0, len(locks)), idTexts(chosen)
	for _, l := range locks {
		types = append(types, l.Type)
		if l.Head != nil && len(chosen) == 0 {
			picked = append(picked, *l.Head)
		}
	}
	if len(types) == 0 || len(picked) == 0 {
		return nil, nil
	}
	var rows []*Row
	err := tx.NewRaw(s.sql(`SELECT `+jobColumns+`, {now} AS now FROM job_system_jobs j FORCE INDEX (PRIMARY) WHERE j.id IN (?) AND j.type IN (?)
AND j.status = 'scheduled' AND j.deleted_at IS NULL AND j.scheduled_at <= {now} ORDER BY j.id{skip}`), list(picked), list(types)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("lock the first jobs: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	jobs, started := make([]*model.Job, len(rows)), make([]string, len(rows))
	for i, row := range rows {
		j := row.Job
		j.Status, j.Attempt, j.FinishedAt = model.Processing, j.Attempt+1, model.Time{}
		j.StartedAt, j.HeartbeatAt, j.ProgressedAt, j.UpdatedAt = row.Now, row.Now, row.Now, row.Now
		jobs[i], started[i] = &j, j.ID.String()
	}
	res, err := tx.NewRaw(strings.ReplaceAll("UPDATE job_system_jobs j SET "+startColumns+" WHERE j.id IN (?1)", "{now}", "?0"), rows[0].Now, list(started)).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("move jobs to processing: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != int64(len(jobs)) {
		return nil, fmt.Errorf("move jobs to processing: %d of %d rows were found by their ids (%w)", n, len(jobs), err)
	}
	return jobs, nil
}
