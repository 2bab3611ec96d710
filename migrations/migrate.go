package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// Migrate applies to db, in order, all migrations that have not been applied.
//
// It may be called from many processes at the same time: one migrates, and the
// others wait and then have nothing to do. If all migrations are applied, it
// acquires no lock and writes nothing. If Migrate fails or is killed, the next
// call completes it.
//
// Migrate uses one connection of db, and waits if the pool has none free. When
// ctx ends, it stops waiting for a connection or for another process and returns
// an error that wraps the cause. If a relation that is not a table of the job
// system has one of our names, it changes nothing and returns an error that wraps
// [ErrUnexpectedSchema].
//
// The database user needs the right to create tables; see [SQL] for a script that
// an administrator can run instead.
func Migrate(ctx context.Context, db *bun.DB, opts ...Option) error {
	if Check(ctx, db, opts...) == nil {
		return nil
	}
	if err := withLockedSession(ctx, db, opts, func(ctx context.Context, s *session) error { return s.up(ctx) }); err != nil {
		return fmt.Errorf("migrate the job system: %w", err)
	}
	return nil
}

// Rollback rolls back the newest group of migrations: those that the last
// Migrate with something to do applied. [Status] lists the groups. If nothing is
// applied, it does nothing.
//
// The rollback of the first migration drops job_system_jobs and job_type_lock,
// with all jobs. It drops no other table, not even job_system_migrations. Stop
// the engines first: Rollback does not check whether any are running. A job that
// is running loses its row, and its step gets an error that the lease is lost
// when it next records something.
//
// Rollback acquires the lock, waits, and stops when ctx ends, like [Migrate]. It
// changes nothing and returns an error if a newer version of this module has
// applied migrations that this version does not know, if one of the tables is not
// ours (the error then wraps [ErrUnexpectedSchema]), or if foreign keys of the
// host's tables refer to a table that it would drop.
func Rollback(ctx context.Context, db *bun.DB, opts ...Option) error {
	if err := withLockedSession(ctx, db, opts, func(ctx context.Context, s *session) error { return s.down(ctx) }); err != nil {
		return fmt.Errorf("roll back the job system: %w", err)
	}
	return nil
}

func (s *session) up(ctx context.Context) error {
	catalog, err := s.readCatalog(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(catalog.checkExisting(), s.checkExistingIndexes(ctx)); err != nil {
		return err
	}
	if _, err := s.conn.ExecContext(ctx, s.dialect.createMigrationsTable); err != nil {
		return fmt.Errorf("create %s: %w", migrationsTable, err)
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
	if err := catalog.checkExisting(); err != nil || !catalog.has(migrationsTable) {
		return err
	}
	newer, err := s.newerMigrations(ctx)
	if err != nil {
		return err
	}
	if len(newer) > 0 {
		var names []string
		for _, migration := range newer {
			names = append(names, migration.Name)
		}
		return fmt.Errorf("a newer version of the job system has applied %s: roll it back with that version first",
			strings.Join(names, ", "))
	}
	_, err = s.migrator.Rollback(ctx)
	return err
}
