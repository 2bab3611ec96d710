package store

import (
	"errors"

	"github.com/uptrace/bun"
)

// unlessDeadlocked calls do, which waits for other transactions, and calls it again
// if the database has ended it because of a deadlock: on MySQL and MariaDB,
// transactions that wait for one key deadlock when the one that had it rolls back.
// A caller's transaction is not repeated: that is up to the caller.
func unlessDeadlocked(db bun.IDB, do func() error) error {
	const tries = 20
	_, own := db.(*bun.DB)
	for n := 1; ; n++ {
		err := do()
		if !own || n == tries || !deadlocked(err) {
			return err
		}
	}
}

// deadlocked reports whether the database has ended a transaction because it and
// others waited for each other.
func deadlocked(err error) bool {
	const onPostgres, onMySQL = "40P01", 1213
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState() == onPostgres
	}
	return mysqlNumber(err) == onMySQL
}
