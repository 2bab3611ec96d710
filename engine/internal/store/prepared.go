package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"
)

// prepared runs texts that do not change, with ? for their arguments, as
// statements that the server has parsed and planned once for each connection. It
// is safe for concurrent use.
type prepared struct {
	db *bun.DB
	// number returns a text with the driver's placeholders in place of ?.
	number func(text string) string
	// off is set where prepared statements do not work: a connection pooler
	// between this process and the server may not know them.
	off atomic.Bool

	mu         sync.Mutex
	statements map[string]*sql.Stmt
	// wanted are texts that a transaction has run without preparing them.
	wanted map[string]bool
}

func newPrepared(db *bun.DB, number func(text string) string) *prepared {
	p := &prepared{db: db, number: number, statements: make(map[string]*sql.Stmt), wanted: make(map[string]bool)}
	p.off.Store(namesMayMeanOthers(db))
	return p
}

// namesMayMeanOthers reports whether the driver names prepared statements by a count of its
// own, as Bun's pgdriver does: behind a connection pooler, such a name can be that of
// another process's statement, which is executed instead.
func namesMayMeanOthers(db *bun.DB) bool {
	return reflect.Indirect(reflect.ValueOf(db.Driver())).Type().PkgPath() == "github.com/uptrace/bun/driver/pgdriver"
}

// query runs a text, alone or in a transaction, and scans what it returns.
func (p *prepared) query(ctx context.Context, db bun.IDB, text string, dest any, args ...any) error {
	rows, err := p.rows(ctx, db, text, args) //nolint:rowserrcheck // ScanRows does
	if err != nil {
		return err
	}
	return p.db.ScanRows(ctx, rows, dest) // closes them
}

// exec runs a text that returns nothing.
func (p *prepared) exec(ctx context.Context, db bun.IDB, text string, args ...any) error {
	stmt, err := p.statement(ctx, db, text) //nolint:sqlclosecheck // it stays prepared
	if err == nil && stmt != nil {
		_, err = stmt.ExecContext(ctx, args...)
	}
	if stmt == nil && err == nil || p.without(db, err) {
		_, err = db.NewRaw(text, args...).Exec(ctx)
	}
	return err
}

func (p *prepared) rows(ctx context.Context, db bun.IDB, text string, args []any) (rows *sql.Rows, err error) {
	stmt, err := p.statement(ctx, db, text) //nolint:sqlclosecheck // it stays prepared
	if err == nil && stmt != nil {
		rows, err = stmt.QueryContext(ctx, args...)
	}
	if stmt == nil && err == nil || p.without(db, err) {
		return db.QueryContext(ctx, text, args...)
	}
	return rows, err
}

// without turns prepared statements off if the error says that they do not work
// here, and reports whether to run the statement without: it has not run yet. In
// a transaction, which such an error ends, the next try does.
func (p *prepared) without(db bun.IDB, err error) bool {
	const unknownStatement, knownStatement = "26000", "42P05"
	if code := sqlState(err); code != unknownStatement && code != knownStatement {
		return false
	}
	p.off.Store(true)
	_, alone := db.(*bun.DB)
	return alone
}

// ownTx marks the context of a transaction that the store has begun itself, and
// repeats if it fails: only there, prepared statements are used. A host's
// transaction may be of another pool, or end with a statement that a connection
// pooler does not know any more.
type ownTx struct{}

// statement returns the text's prepared statement for use in db, or nil if the
// text is run without. Within a transaction nothing is prepared, since that may
// want another connection: see prepareWanted.
func (p *prepared) statement(ctx context.Context, db bun.IDB, text string) (*sql.Stmt, error) {
	if p.off.Load() {
		return nil, nil
	}
	switch db := db.(type) {
	case *bun.DB:
		if db.DB != p.db.DB {
			return nil, nil
		}
		return p.prepare(ctx, text)
	case bun.Tx:
		if ctx.Value(ownTx{}) == nil {
			return nil, nil
		}
		if stmt := p.known(text, true); stmt != nil {
			return db.Tx.StmtContext(ctx, stmt), nil
		}
		return nil, nil
	default: // a host's own
		return nil, nil
	}
}

// known returns the text's prepared statement, or nil; if it is wanted,
// prepareWanted prepares it then.
func (p *prepared) known(text string, wanted bool) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	stmt := p.statements[text]
	if stmt == nil && wanted {
		p.wanted[text] = true
	}
	return stmt
}

// prepare returns the text's prepared statement, which lives as long as the
// database's pool. It locks nothing while it waits for a connection, which a
// goroutine may hold that asks for another statement.
func (p *prepared) prepare(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt := p.known(text, false); stmt != nil {
		return stmt, nil
	}
	stmt, err := p.db.DB.PrepareContext(ctx, p.number(text))
	if err != nil {
		return nil, fmt.Errorf("prepare a statement: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if first := p.statements[text]; first != nil {
		return first, stmt.Close() //nolint:sqlclosecheck // another one is kept
	}
	p.statements[text] = stmt
	return stmt, nil
}

// prepareWanted prepares the texts that a transaction had to run without, for the
// next one. If that fails, the next one runs without, too.
func (p *prepared) prepareWanted(ctx context.Context) {
	p.mu.Lock()
	wanted := slices.Collect(maps.Keys(p.wanted))
	clear(p.wanted)
	p.mu.Unlock()
	for _, text := range wanted {
		if _, err := p.prepare(ctx, text); err != nil { //nolint:sqlclosecheck // it stays prepared
			return
		}
	}
}

// numbers returns a text with $1, $2 and so on in place of ?.
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
