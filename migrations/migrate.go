package migrations

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// Migrate applies to db, in order, every migration that has not been applied.
//
// It is safe to call from many processes at once: one migrates, and the others
// wait and find it done. Where there is nothing to do it takes no lock and
// writes nothing. A Migrate that fails or is killed is finished by the next one.
//
// Migrate uses one connection of db, and waits for one if the pool has none
// free. The end of ctx ends the waits, also that for another process, with an
// error that wraps the cause. It changes nothing and returns an error that wraps
// [ErrUnexpectedSchema] if something else than the tables of the job system has
// one of their names.
//
// The user of the connection needs the right to create tables; for an
// administrator who does that by hand, see [SQL].
func Migrate(ctx context.Context, db *bun.DB) error {
	if Check(ctx, db) == nil {
		return nil
	}
	if err := openAlone(ctx, db, func(ctx context.Context, s *session) error { return s.up(ctx) }); err != nil {
		return fmt.Errorf("migrate the job system: %w", err)
	}
	return nil
}

// Rollback undoes the newest group of migrations: those that the last Migrate
// which had something to do has applied. With nothing applied it does nothing.
//
// What a group holds, [Status] tells. The undoing of the first migration drops
// job_system_jobs and job_type_lock with every job in them, and no other table,
// not even that of the bookkeeping. Stop the engines before: Rollback does not
// look whether any run. A job that runs all the same is gone with its row; its
// step is told that the lease is lost when it would record something.
//
// Rollback locks, waits and ends as [Migrate] does. It changes nothing and
// returns an error if a newer version of this module has applied migrations
// that are not known here, if one of the tables is not ours (then the error
// wraps [ErrUnexpectedSchema]), and, as every database does, if tables of the
// host refer to what would be dropped.
func Rollback(ctx context.Context, db *bun.DB) error {
	if err := openAlone(ctx, db, func(ctx context.Context, s *session) error { return s.down(ctx) }); err != nil {
		return fmt.Errorf("roll the job system's migrations back: %w", err)
	}
	return nil
}

func (s *session) up(ctx context.Context) error {
	catalog, err := s.readCatalog(ctx)
	if err != nil {
		return err
	}
	if err := catalog.foreign(); err != nil {
		return err
	}
	if _, err := s.conn.ExecContext(ctx, s.server.bookkeeping); err != nil {
		return fmt.Errorf("make %s: %w", bookkeepingTable, err)
	}
	if _, err := s.migrator.Migrate(ctx); err != nil {
		return err
	}
	return s.check(ctx)
}

func (s *session) down(ctx context.Context) error {
	catalog, err := s.readCatalog(ctx)
	if err != nil {
		return err
	}
	if err := catalog.foreign(); err != nil || !catalog.has(bookkeepingTable) {
		return err
	}
	newer, err := s.newer(ctx)
	if err != nil {
		return err
	}
	if len(newer) > 0 {
		var names []string
		for _, migration := range newer {
			names = append(names, migration.Name)
		}
		return fmt.Errorf("a newer version of the job system has applied %s: roll that back with it first",
			strings.Join(names, ", "))
	}
	_, err = s.migrator.Rollback(ctx)
	return err
}
