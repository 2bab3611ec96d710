package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// sqlite is SQLite, which has one writer at a time and locks no rows.
type sqlite struct{ fromBatch }

// newSQLite returns SQLite, whose driver has ? for arguments itself. Its statements
// are prepared because compiling them takes longer than running them.
func newSQLite(db *bun.DB, tables model.Tables) sqlite {
	return sqlite{fromBatch{newExecutor(db, tables, sqliteWords, asItIs), sqliteTable, jsonArray}}
}

var sqliteWords = words{
	"now":       "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
	"later":     "({now} + {micros})",
	"json":      "@",
	"json_part": "json(@)",
	"time":      "@",
	"length":    "json_array_length(@)",
	// With statistics of few types, SQLite was seen to scan the table.
	"claim_index":   "INDEXED BY job_system_jobs_claim",
	"claim_order":   "j.scheduled_at, j.id",
	"history_index": "INDEXED BY job_system_jobs_history",
	"history_order": "j.scheduled_at DESC, j.id DESC",
	"key_binds":     "idempotency_key IS NOT NULL AND instr(unique_until, status) = 0",
	"has_key":       "@.idempotency_key = ? AND instr(@.unique_until, @.status) = 0",
	"skip_locked":   "",
	"see_newest":    "",
}

func asItIs(text string) string { return text }

func (sqlite) kind() string { return "sqlite" }

func (d sqlite) check(ctx context.Context) error { return d.checkTexts(ctx) }

// writers returns one: a second one would wait for the first.
func (sqlite) writers() int { return 1 }

// soleWriter returns true: SQLite locks the whole database.
func (sqlite) soleWriter() bool { return true }

// readNewest does nothing: a transaction whose snapshot is not the newest one
// cannot write.
func (sqlite) readNewest(context.Context, bun.IDB, *Row) error { return nil }
