package store

import (
	"errors"

	"github.com/uptrace/bun"
)

// unlessDeadlocked does something that waits for the transactions of others, and
// does it again where the database has ended it to end a deadlock: on MySQL and
// MariaDB those deadlock who wait for one key when whoever had it rolls back. In
// a caller's transaction, that is the caller's to repeat.
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
	const postgres, mysql = "40P01", 1213
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState() == postgres
	}
	return mysqlNumber(err) == mysql
}
