// Package store is the SQL of the engine: every statement that reads or writes
// the two tables, for every supported database. What differs between databases
// is in dialect.go and nowhere else.
//
// All times it writes are the database's clock. Whatever locks more than one
// row takes them in one order - jobs by id, then locks by type - or skips rows
// that are locked.
//
// It may import bun, uuid, the standard library and the package model.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Store runs the engine's statements on one database. It is safe for
// concurrent use.
type Store struct {
	db      *bun.DB
	dialect dialect
	words   *strings.Replacer
	txOpts  *sql.TxOptions
	// fixed runs the statements whose texts do not change, and built keeps
	// those texts.
	fixed *statements
	built sync.Map
}

// New returns a store on db after it has asked what database it is and checked
// that the connection's settings keep values as they are.
func New(ctx context.Context, db *bun.DB) (*Store, error) {
	d, err := detect(ctx, db)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, dialect: d, words: d.replacer()}
	s.fixed = newStatements(db, d)
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// DB returns the database that the store was made with.
func (s *Store) DB() *bun.DB { return s.db }

// Writers is how many transactions the database can usefully be asked for at
// once: two where that does not have them wait for each other, so that one side
// works while the other does.
func (s *Store) Writers() int {
	if !s.dialect.writableCTE || s.db.DB.Stats().MaxOpenConnections == 1 {
		return 1
	}
	return 2
}

// sql puts the dialect's words in place of those in braces.
func (s *Store) sql(template string) string { return s.words.Replace(template) }

// text returns the statement that build makes, made once for each key.
func (s *Store) text(key any, build func() string) string {
	if text, ok := s.built.Load(key); ok {
		return text.(string)
	}
	text := s.sql(build())
	s.built.Store(key, text)
	return text
}

func (s *Store) inTx(ctx context.Context, fn func(ctx context.Context, tx bun.Tx) error) error {
	err := s.InTx(context.WithValue(ctx, ownTx{}, true), s.db, fn)
	s.fixed.prepareWanted(ctx)
	return err
}

// InTx runs fn in a transaction, or within that of db if it is one. It waits for
// the end of one of its own hardly longer than until ctx ends: then that is unknown.
func (s *Store) InTx(ctx context.Context, db bun.IDB, fn func(ctx context.Context, tx bun.Tx) error) error {
	if _, inside := db.(bun.Tx); inside {
		return db.RunInTx(ctx, s.txOpts, fn)
	}
	tx, err := db.BeginTx(ctx, s.txOpts)
	if err != nil {
		return err
	}
	end := tx.Rollback
	defer func() {
		if end != nil { // fn has failed, or panicked
			_ = within(ctx, end)
		}
	}()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	end = nil
	return within(ctx, tx.Commit)
}

// endTimeout is how long the end of a transaction is waited for after its
// context has ended: where the connection is well, the answer is under way.
const endTimeout = time.Second

// within waits for what takes no context until ctx ends, and a moment longer: the
// MySQL driver waits for the answer to a commit for as long as the connection
// stands, and one whose other side is gone without a word stands for many minutes.
func within(ctx context.Context, end func() error) error {
	done := make(chan error, 1)
	go func() { done <- end() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(endTimeout)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return fmt.Errorf("no answer to the end of a transaction: %w", context.Cause(ctx))
	}
}

// checkCharset fails if texts would not be taken, or given, for what they are.
func (s *Store) checkCharset(ctx context.Context) error {
	if s.dialect.charset == "" {
		return nil
	}
	var got string
	if err := s.db.NewRaw(s.dialect.askCharset).Scan(ctx, &got); err != nil {
		return fmt.Errorf("ask for the connection's character set: %w", err)
	}
	for set := range strings.SplitSeq(got, ",") {
		if set != s.dialect.charset {
			return fmt.Errorf("check the connection: its character set is %s, in which texts can be taken for something else; set charset=utf8mb4 (MySQL, MariaDB) or client_encoding=UTF8 (PostgreSQL) in the DSN", got)
		}
	}
	return nil
}

// check fails if a text, a time or a transaction does not do on this connection
// what the statements rely on.
func (s *Store) check(ctx context.Context) error {
	const text = `a'b"c\d`
	var gotText string
	if err := s.db.NewRaw("SELECT ?", text).Scan(ctx, &gotText); err != nil {
		return fmt.Errorf("check the connection: %w", err)
	}
	if gotText != text {
		return errors.New("check the connection: it changes quotes or backslashes in texts; turn off NO_BACKSLASH_ESCAPES (MySQL, MariaDB), turn on standard_conforming_strings (PostgreSQL)")
	}
	if err := s.checkCharset(ctx); err != nil {
		return err
	}
	if s.dialect.checkTime != "" {
		var got model.Time
		if err := s.db.NewRaw(s.dialect.checkTime).Scan(ctx, &got); err != nil {
			return fmt.Errorf("check how the connection reads times: %w", err)
		}
		if got.UnixMicro() != checkTimeMicros {
			return errors.New("check how the connection reads times: they come back shifted; set parseTime=true&loc=UTC in the DSN")
		}
	}
	if s.dialect.isolation == "" {
		return nil
	}
	var level string
	if err := s.db.NewRaw(s.dialect.isolation).Scan(ctx, &level); err != nil {
		return fmt.Errorf("read the isolation level: %w", err)
	}
	if !strings.EqualFold(strings.ReplaceAll(level, "-", " "), "read committed") {
		s.txOpts = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	return nil
}

// jobColumns are the columns of [model.Job], of a table called j.
const jobColumns = `j.id, j.type, j.name, j.role, j.email, j.uploaded_file_url, j.data, j.status, j.progress, j.message, ` +
	`j.time_to_complete_ms, j.time_to_complete_source, j.checkpoints, j.attempt, j.resumptions, j.error, j.scheduled_at, j.started_at, j.finished_at, ` +
	`j.heartbeat_at, j.progressed_at, j.cancel_requested_at, j.cancelled_by, j.cancel_reason, j.signals, j.parent_id, j.idempotency_key, ` +
	`j.created_at, j.updated_at, j.deleted_at`

// list is an IN list of texts or ids.
func list[T any](items []T) any { return bun.List(items) }

// idTexts returns ids as the texts that all databases compare them with.
func idTexts(ids []uuid.UUID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

// CheckTables fails if a table or a column is missing.
func (s *Store) CheckTables(ctx context.Context) error {
	if err := s.db.NewRaw(s.sql("SELECT "+jobColumns+" FROM job_system_jobs j WHERE 1 = 0 AND j.writes = 0")).Scan(ctx, new([]model.Job)); err != nil {
		return fmt.Errorf("read job_system_jobs: %w", err)
	}
	err := s.db.NewRaw("SELECT l.type, l.locked_until, l.updated_at, l.owner, l.job_id, l.attempt FROM job_type_lock l WHERE 1 = 0").Scan(ctx, new([]model.TypeLock))
	if err != nil {
		return fmt.Errorf("read job_type_lock: %w", err)
	}
	return nil
}
