package testdb

import (
	"context"
	"testing"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// EachDB runs a test on every kind of database, as parallel subtests named by
// the kind. Each gets a database of its own with the newest tables in it and
// nothing in them, closed and dropped when the subtest ends.
//
// As with all parallel subtests, EachDB returns before they have run: what has
// to come after them belongs into t.Cleanup.
func EachDB(t *testing.T, run func(t *testing.T, db *bun.DB)) {
	t.Helper()
	EachDSN(t, func(t *testing.T, text string) { run(t, Open(t, text)) })
}

// EachDSN is EachDB for tests that start processes or connect by themselves:
// it gives the address of the database.
func EachDSN(t *testing.T, run func(t *testing.T, text string)) {
	t.Helper()
	each(t, func(t *testing.T, kind Kind) { run(t, DSN(t, kind)) })
}

// EachEmptyDB is EachDB without the tables.
func EachEmptyDB(t *testing.T, run func(t *testing.T, db *bun.DB)) {
	t.Helper()
	EachEmptyDSN(t, func(t *testing.T, text string) { run(t, Open(t, text)) })
}

// EachEmptyDSN is EachDSN without the tables.
func EachEmptyDSN(t *testing.T, run func(t *testing.T, text string)) {
	t.Helper()
	each(t, func(t *testing.T, kind Kind) { run(t, EmptyDSN(t, kind)) })
}

func each(t *testing.T, run func(t *testing.T, kind Kind)) {
	t.Helper()
	for _, kind := range allKinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			orSkip(t, chosen(kind))
			t.Parallel()
			run(t, kind)
		})
	}
}

// Open opens a database, and closes it when the test ends. In a bubble of
// testing/synctest it has to be SQLite, whose clock is the bubble's then.
func Open(t testing.TB, text string) *bun.DB {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	open := dsn.Open
	if InBubble() {
		open = openVirtual
	}
	db, err := open(ctx, text)
	if err != nil {
		t.Fatalf("open test database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close test database: %v", err)
		}
	})
	return db
}
