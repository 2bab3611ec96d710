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

// Owner is an engine as the locks know it, and how long its leases last.
type Owner struct {
	ID    string
	Lease time.Duration
}

// LockedRun is a type's lock together with the run it covers.
type LockedRun struct {
	Type    string    `bun:"type"`
	JobID   uuid.UUID `bun:"job_id"`
	Attempt int64     `bun:"attempt"`
}

// EnsureLocks makes the lock rows of types that have none yet.
func (s *Store) EnsureLocks(ctx context.Context, types []string) error {
	var missing []string
	var have []string
	if err := s.db.NewRaw("SELECT l.type FROM job_type_lock l WHERE l.type IN (?)", list(types)).Scan(ctx, &have); err != nil {
		return fmt.Errorf("read locks: %w", err)
	}
	known := make(map[string]bool, len(have))
	for _, t := range have {
		known[t] = true
	}
	for _, t := range types {
		if !known[t] {
			missing = append(missing, t)
		}
	}
	for _, t := range missing {
		_, err := s.db.NewRaw(s.sql("INSERT INTO job_type_lock (type, locked_until, updated_at) VALUES (?, {now}, {now})"+s.dialect.keepLock()), t).Exec(ctx)
		if err != nil {
			return fmt.Errorf("make the lock of type %q: %w", t, err)
		}
	}
	return nil
}

// Renew extends the leases of an engine's runs of these types by its lease from
// now, and returns the runs whose leases it has extended, and the types whose
// locks it holds but could not, because another transaction has locked the rows:
// that keeps none but these.
func (s *Store) Renew(ctx context.Context, types []string, owner Owner) (held []LockedRun, locked []string, err error) {
	var all []LockedRun
	free := types
	err = s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		// On SQLite the update comes first: a transaction that begins by reading
		// cannot wait for another writer.
		if s.dialect.skip != "" {
			free = nil
			if err := tx.NewRaw(s.sql("SELECT l.type FROM job_type_lock l WHERE l.type IN (?) ORDER BY l.type{skip}"), list(types)).Scan(ctx, &free); err != nil {
				return err
			}
		}
		if len(free) > 0 {
			_, err := tx.NewRaw(s.sql("UPDATE job_type_lock SET locked_until = "+s.dialect.after(owner.Lease)+
				", updated_at = {now} WHERE type IN (?) AND owner = ? AND job_id IS NOT NULL"), list(free), owner.ID).Exec(ctx)
			if err != nil {
				return err
			}
		}
		return tx.NewRaw("SELECT l.type, l.job_id, l.attempt FROM job_type_lock l WHERE l.type IN (?) AND l.owner = ? AND l.job_id IS NOT NULL",
			list(types), owner.ID).Scan(ctx, &all)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("renew leases: %w", err)
	}
	for _, h := range all {
		if slices.Contains(free, h.Type) {
			held = append(held, h)
		} else {
			locked = append(locked, h.Type)
		}
	}
	return held, locked, nil
}

// Touch writes a run's heartbeat and its type's lock, and changes nothing else:
// it fails where the database takes no writes to these rows, whatever they hold.
func (s *Store) Touch(ctx context.Context, jobType string, id uuid.UUID, attempt int64) error {
	err := s.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewRaw(s.sql("UPDATE job_system_jobs SET heartbeat_at = {now}, updated_at = {now} WHERE id = ? AND attempt = ? AND status = 'processing'"),
			id.String(), attempt).Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewRaw(s.sql("UPDATE job_type_lock SET updated_at = {now} WHERE type = ? AND job_id = ? AND attempt = ?"), jobType, id.String(), attempt).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("touch job %s: %w", id, err)
	}
	return nil
}

// Owned returns the jobs that an engine holds the locks of.
func (s *Store) Owned(ctx context.Context, owner Owner) ([]*model.Job, error) {
	var jobs []*model.Job
	err := s.db.NewRaw(s.sql(`SELECT `+jobColumns+` FROM job_type_lock l
JOIN job_system_jobs j ON j.id = l.job_id AND j.attempt = l.attempt AND j.status = 'processing'
WHERE l.owner = ? ORDER BY j.id`), owner.ID).Scan(ctx, &jobs)
	if err != nil {
		return nil, fmt.Errorf("read the engine's own jobs: %w", err)
	}
	return jobs, nil
}

// passing is what becomes of locks as runs end and begin.
var passing = []column{{"type", texts}, {"job_id", ids}, {"attempt", integers}, {"ended", ids}, {"ended_attempt", integers}}

// assignLocks has the types' locks cover the jobs that were taken, and frees those of
// the ended runs that no job follows. The transaction holds those locks. One
// that is to be freed is left alone unless it covers the ended job.
func (s *Store) assignLocks(ctx context.Context, tx bun.Tx, ended []LockedRun, jobs []*model.Job, owner Owner) error {
	next := make(map[string]bool, len(jobs))
	batch := &batch{columns: passing}
	for _, j := range jobs {
		next[j.Type] = true
		batch.add(j.Type, j.ID.String(), j.Attempt, nil, nil)
	}
	for _, run := range ended {
		if !next[run.Type] {
			batch.add(run.Type, nil, 0, run.JobID.String(), run.Attempt)
		}
	}
	if len(batch.rows) == 0 {
		return nil
	}
	set := "job_id = v.job_id, attempt = v.attempt, updated_at = {now}, owner = CASE WHEN v.job_id IS NULL THEN '' ELSE {owner} END, " +
		"locked_until = CASE WHEN v.job_id IS NULL THEN {now} ELSE " + s.dialect.after(owner.Lease) + " END"
	const where = "(v.ended IS NULL OR l.job_id = v.ended AND l.attempt = v.ended_attempt)"
	var err error
	if s.dialect.rows == nil {
		_, err = tx.NewRaw("?", s.inlineValues(batch, "l.type", "UPDATE job_type_lock l SET "+set+" WHERE l.type IN ({keys}) AND "+where, owner)).Exec(ctx)
	} else {
		type key struct{ lease time.Duration }
		text := s.text(key{owner.Lease}, func() string {
			return "UPDATE job_type_lock AS l SET " + strings.Replace(set, "{owner}", "?", 1) + " FROM " + s.dialect.rows(passing) + " WHERE l.type = v.type AND " + where
		})
		err = s.fixed.exec(ctx, tx, text, owner.ID, s.dialect.join(batch.objects()))
	}
	if err != nil {
		return fmt.Errorf("write locks: %w", err)
	}
	return nil
}

// SoleWriter says that nobody else writes to the database while a transaction has
// written, so that no lease is renewed meanwhile either.
func (s *Store) SoleWriter() bool { return s.dialect.soleWriter }
