package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"
)

// statements runs texts that do not change, with ? for their arguments: where
// the dialect gains by it, as statements that the server has parsed and planned
// once for each connection. It is safe for concurrent use.
type statements struct {
	db *bun.DB
	// numbered says that the driver wants $1 for ?.
	numbered bool
	// off is set where prepared statements do not work: a connection pooler
	// between this process and the server may not know them.
	off atomic.Bool

	mu       sync.Mutex
	prepared map[string]*sql.Stmt
	// wanted are texts that a transaction has used as they are.
	wanted map[string]bool
}

func newStatements(db *bun.DB, d dialect) *statements {
	s := &statements{db: db, numbered: d.numbered, prepared: make(map[string]*sql.Stmt), wanted: make(map[string]bool)}
	s.off.Store(!d.prepares)
	return s
}

// query runs a text, alone or in a transaction, and scans what it returns.
func (s *statements) query(ctx context.Context, db bun.IDB, text string, dest any, args ...any) error {
	rows, err := s.rows(ctx, db, text, args) //nolint:rowserrcheck // ScanRows does
	if err != nil {
		return err
	}
	return s.db.ScanRows(ctx, rows, dest) // closes them
}

// exec runs a text that returns nothing.
func (s *statements) exec(ctx context.Context, db bun.IDB, text string, args ...any) error {
	stmt, err := s.of(ctx, db, text) //nolint:sqlclosecheck // it stays prepared
	if err == nil && stmt != nil {
		_, err = stmt.ExecContext(ctx, args...)
	}
	if stmt == nil && err == nil || s.without(db, err) {
		_, err = db.NewRaw(text, args...).Exec(ctx)
	}
	return err
}

func (s *statements) rows(ctx context.Context, db bun.IDB, text string, args []any) (rows *sql.Rows, err error) {
	stmt, err := s.of(ctx, db, text) //nolint:sqlclosecheck // it stays prepared
	if err == nil && stmt != nil {
		rows, err = stmt.QueryContext(ctx, args...)
	}
	if stmt == nil && err == nil || s.without(db, err) {
		return db.QueryContext(ctx, text, args...)
	}
	return rows, err
}

// without notes that prepared statements do not work here, if that is what the
// error says, and reports whether the statement is to be run without one: it has
// not run yet. In a transaction, which such an error ends, the next try does.
func (s *statements) without(db bun.IDB, err error) bool {
	var state interface{ SQLState() string }
	if !errors.As(err, &state) {
		return false
	}
	const unknownStatement, knownStatement = "26000", "42P05"
	if code := state.SQLState(); code != unknownStatement && code != knownStatement {
		return false
	}
	s.off.Store(true)
	_, alone := db.(*bun.DB)
	return alone
}

// ownTx marks the context of a transaction that the store has begun itself, and
// repeats if it fails. A host's is not put at risk: it may be of another pool, or
// end with a statement that a connection pooler has forgotten.
type ownTx struct{}

// of returns the text's prepared statement for use in db, or nil if the text is
// to be run as it is. Within a transaction nothing is prepared, since that may
// want another connection: see prepareWanted.
func (s *statements) of(ctx context.Context, db bun.IDB, text string) (*sql.Stmt, error) {
	if s.off.Load() {
		return nil, nil
	}
	switch db := db.(type) {
	case *bun.DB:
		if db.DB != s.db.DB {
			return nil, nil
		}
		return s.prepare(ctx, text)
	case bun.Tx:
		if ctx.Value(ownTx{}) == nil {
			return nil, nil
		}
		if stmt := s.known(text, true); stmt != nil {
			return db.Tx.StmtContext(ctx, stmt), nil
		}
		return nil, nil
	default: // a host's own
		return nil, nil
	}
}

// known returns the text's prepared statement, or nil and notes that there
// should be one.
func (s *statements) known(text string, wanted bool) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt := s.prepared[text]
	if stmt == nil && wanted {
		s.wanted[text] = true
	}
	return stmt
}

// prepare returns the text's prepared statement. It lives as long as the
// database's pool. Nothing is locked while it waits for a connection, which may
// be held by somebody who asks for another statement.
func (s *statements) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt := s.known(text, false); stmt != nil {
		return stmt, nil
	}
	query := text
	if s.numbered {
		query = numbers(text)
	}
	stmt, err := s.db.DB.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare a statement: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.prepared[text]; first != nil {
		return first, stmt.Close() //nolint:sqlclosecheck // another one is kept
	}
	s.prepared[text] = stmt
	return stmt, nil
}

// prepareWanted prepares what a transaction had to run as it was, for the next
// one. That it fails costs nothing more than that.
func (s *statements) prepareWanted(ctx context.Context) {
	s.mu.Lock()
	wanted := slices.Collect(maps.Keys(s.wanted))
	clear(s.wanted)
	s.mu.Unlock()
	for _, text := range wanted {
		if _, err := s.prepare(ctx, text); err != nil { //nolint:sqlclosecheck // it stays prepared
			return
		}
	}
}

// numbers puts $1, $2 and so on in place of ?.
func numbers(text string) string {
	parts := strings.Split(text, "?")
	var out strings.Builder
	for i, part := range parts {
		if i > 0 {
			out.WriteString("$" + strconv.Itoa(i))
		}
		out.WriteString(part)
	}
	return out.String()
}
