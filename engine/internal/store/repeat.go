package store

import (
	"slices"

	"github.com/uptrace/bun"
)

// repeatRolledBack calls do, and calls it again if the database has rolled its statement
// back in favour of other transactions: it was in a deadlock, or could not be serialized
// where a host's connections have such an isolation level. On MySQL and MariaDB,
// transactions that wait for one key deadlock when the one that had it rolls back.
// A caller's transaction is not repeated: that is up to the caller.
func repeatRolledBack(db bun.IDB, do func() error) error {
	const tries = 20
	_, own := db.(*bun.DB)
	for n := 1; ; n++ {
		err := do()
		if !own || n == tries || !rolledBack(err) {
			return err
		}
	}
}

// rolledBack reports whether the database has rolled a statement back in favour of other
// transactions, and would do it if it came again.
func rolledBack(err error) bool {
	const onMySQL = 1213
	onPostgres := []string{"40P01", "40001"} // deadlock_detected, serialization_failure
	return slices.Contains(onPostgres, sqlState(err)) || mysqlNumber(err) == onMySQL
}

// isDuplicate reports whether a unique index has rejected a statement; on SQLite, it may
// also have been another constraint.
func isDuplicate(err error) bool {
	const onPostgres, onMySQL, onSQLite = "23505", 1062, 19
	return sqlState(err) == onPostgres || mysqlNumber(err) == onMySQL || sqliteCode(err) == onSQLite
}
