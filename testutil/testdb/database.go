package testdb

import (
	"testing"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// DSN makes a new database of one kind with the newest tables, and returns its address. The
// database is dropped when the test ends. The test is skipped if that kind is missing.
func DSN(t testing.TB, kind Kind) string {
	t.Helper()
	orSkip(t, chosen(kind))
	if kind == SQLite {
		return dsn.File(File(t))
	}
	h := sharedHost(t, kind)
	if h.migrated != nil {
		template, err := h.migrated()
		if err != nil {
			t.Fatalf("make the database that tests on %s get copies of: %v", kind, err)
		}
		return h.borrow(t, template)
	}
	text := h.borrow(t, empty)
	if err := migrate(text); err != nil {
		t.Fatalf("migrate new %s database: %v", kind, err)
	}
	return text
}

// EmptyDSN is DSN without the tables.
func EmptyDSN(t testing.TB, kind Kind) string {
	t.Helper()
	orSkip(t, chosen(kind))
	if kind == SQLite {
		return dsn.File(emptyFile(t))
	}
	return sharedHost(t, kind).borrow(t, empty)
}
