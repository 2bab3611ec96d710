package store

import (
	"strings"

	"github.com/uptrace/bun"
)

// explained returns the statements whose plans tests check, with their arguments; an empty
// text if that is no statement of its own.
type explained interface {
	updateSQL(writes []Write) (string, []any)
	runningSQL(writes []Write) (string, []any)
	flushClaimSQL(writes []Write, owner Owner) (string, []any)
	claimSQL(types []string, owner Owner) (string, []any)
}

// UpdateSQL writes a batch.
func (s *Store) UpdateSQL(writes []Write) (string, []any) {
	return s.database.(explained).updateSQL(writes)
}

// RunningSQL locks the rows of a batch.
func (s *Store) RunningSQL(writes []Write) (string, []any) {
	return s.database.(explained).runningSQL(writes)
}

// FlushClaimSQL ends runs, claims the next jobs and assigns locks.
func (s *Store) FlushClaimSQL(writes []Write, owner Owner) (string, []any) {
	return s.database.(explained).flushClaimSQL(writes, owner)
}

// ClaimSQL claims jobs, or finds those that it claims.
func (s *Store) ClaimSQL(types []string, owner Owner) (string, []any) {
	return s.database.(explained).claimSQL(types, owner)
}

func (d postgres) updateSQL(writes []Write) (string, []any) { return d.updateQuery(writes) }
func (postgres) runningSQL([]Write) (string, []any)         { return "", nil }
func (d postgres) flushClaimSQL(writes []Write, owner Owner) (string, []any) {
	return d.flushClaimQuery(writes, owner)
}
func (d postgres) claimSQL(types []string, owner Owner) (string, []any) {
	return d.claimQuery(types, owner)
}

func (d sqlite) updateSQL(writes []Write) (string, []any)   { return d.updateQuery(writes) }
func (sqlite) runningSQL([]Write) (string, []any)           { return "", nil }
func (sqlite) flushClaimSQL([]Write, Owner) (string, []any) { return "", nil }
func (d sqlite) claimSQL(types []string, _ Owner) (string, []any) {
	picks, _, _ := strings.Cut(d.claimQuery(), "UPDATE")
	return picks + "SELECT id FROM picked", []any{jsonTexts(types)}
}

func (d mysql) updateSQL(writes []Write) (string, []any) {
	return string(d.updateQuery(writes, "")), nil
}
func (d mysql) runningSQL(writes []Write) (string, []any) {
	return string(d.runningQuery(OpFlushRead, mysqlRunning, writes)), nil
}
func (mysql) flushClaimSQL([]Write, Owner) (string, []any) { return "", nil }
func (d mysql) claimSQL(types []string, _ Owner) (string, []any) {
	return d.withHeads(mysqlLockFree, ""), []any{bun.List(types)}
}

// ReadySQL finds due jobs.
func (s *Store) ReadySQL() string { return s.sql(OpReady, readyQuery) }

// HistorySQL reads the last jobs of a type.
func (s *Store) HistorySQL() string { return s.sql(OpHistory, historyQuery) }

// ReadyExceptSQL is ReadySQL with jobs left out.
func (s *Store) ReadyExceptSQL() string { return s.readyExcept() }

// DueTypesSQL lists the types with scheduled jobs.
func (s *Store) DueTypesSQL() string { return s.database.dueTypes() }

// Kind is the database's name.
func (s *Store) Kind() string { return s.database.kind() }

// Numbers is a statement as PostgreSQL prepares it.
func Numbers(text string) string { return numbers(text) }
