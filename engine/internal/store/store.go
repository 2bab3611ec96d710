package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/model"
)

// Store runs the engine's statements on one database. It is safe for
// concurrent use.
type Store struct {
	*executor
	database database
}

// New returns a store on these tables of db. It asks which database that is, and
// returns an error if the connection's settings change texts or times.
func New(ctx context.Context, db *bun.DB, tables model.Tables) (*Store, error) {
	s, err := detect(ctx, db, tables)
	if err != nil {
		return nil, err
	}
	if err := s.database.check(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// detect returns the store for the database that db is.
func detect(ctx context.Context, db *bun.DB, tables model.Tables) (*Store, error) {
	switch name := db.Dialect().Name(); name {
	case dialect.SQLite:
		d := newSQLite(db, tables)
		return &Store{d.executor, d}, nil
	case dialect.PG:
		d := newPostgres(db, tables)
		return &Store{d.executor, d}, nil
	case dialect.MySQL:
		var version string
		if err := db.NewRaw(OpCheck.tagged("SELECT VERSION()")).Scan(ctx, &version); err != nil {
			return nil, fmt.Errorf("ask the database for its version: %w", err)
		}
		d := newMySQL(db, tables)
		if strings.Contains(version, "MariaDB") {
			d = newMariaDB(db, tables)
		}
		return &Store{d.executor, d}, nil
	default:
		return nil, fmt.Errorf("database %s is not supported: want SQLite, PostgreSQL, MySQL or MariaDB", name)
	}
}

// CheckTables returns an error if a table or a column is missing.
func (s *Store) CheckTables(ctx context.Context) error {
	err := s.db.NewRaw(s.sql(OpCheck, "SELECT {job_columns j} FROM job_system_jobs j WHERE 1 = 0 AND j.writes = 0")).Scan(ctx, new([]model.Job))
	if err != nil {
		return fmt.Errorf("read %s: %w", s.named("job_system_jobs"), err)
	}
	err = s.db.NewRaw(s.sql(OpCheck, "SELECT l.type, l.locked_until, l.updated_at, l.owner, l.job_id, l.attempt FROM job_type_lock l WHERE 1 = 0")).
		Scan(ctx, new([]model.TypeLock))
	if err != nil {
		return fmt.Errorf("read %s: %w", s.named("job_type_lock"), err)
	}
	return nil
}

// DB returns the database that the store was made with.
func (s *Store) DB() *bun.DB { return s.db }

// Writers returns how many transactions the database can usefully run at once: two
// where they do not wait for each other, so that one side works while the other
// does.
func (s *Store) Writers() int {
	if s.db.DB.Stats().MaxOpenConnections == 1 {
		return 1
	}
	return s.database.writers()
}

// SoleWriter reports whether a transaction that has written keeps all others from
// writing, so that no lease is renewed meanwhile either.
func (s *Store) SoleWriter() bool { return s.database.soleWriter() }
