package store

import (
	"database/sql"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// executor makes the texts of statements for one database, and runs them there.
// It is safe for concurrent use.
type executor struct {
	*prepared
	db     *bun.DB
	tables model.Tables
	txOpts *sql.TxOptions
	words  words
	texts  sync.Map // by the keys of text
}

// newExecutor returns an executor for a database with these words. number replaces
// each ? in a text with the driver's placeholder for prepared statements.
func newExecutor(db *bun.DB, tables model.Tables, w words, number func(text string) string) *executor {
	return &executor{prepared: newPrepared(db, number), db: db, tables: tables, words: commonWords.and(w)}
}

// sql returns an operation's statement, which is the same each time.
func (e *executor) sql(op Op, template string) string {
	type key struct {
		op       Op
		template string
	}
	return e.text(op, key{op, template}, template, func() words { return nil })
}

// text returns an operation's statement, made once for each key: its template in
// one line and tagged, with the database's words and more of them replaced, and the
// names of this store's tables.
func (e *executor) text(op Op, key any, template string, more func() words) string {
	if text, ok := e.texts.Load(key); ok {
		return text.(string)
	}
	text := op.tagged(e.tables.In(oneLine(e.words.and(more()).put(template))))
	e.texts.Store(key, text)
	return text
}

// sqlLater is sql with {later} as the moment that lies d from now.
func (e *executor) sqlLater(op Op, template string, d time.Duration) string {
	return strings.ReplaceAll(e.sql(op, template), "{micros}", micros(d))
}

// named returns a name of a table as it is with this store's prefix.
func (e *executor) named(table string) string { return e.tables.In(table) }

// Channel returns the PostgreSQL channel that engines on these tables share.
func (e *executor) Channel() string { return e.named(channel) }
