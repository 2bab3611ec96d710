package store

import (
	"errors"
	"reflect"

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
// others waited for each other. The drivers tell its code in ways of their own,
// and are not imported here.
func deadlocked(err error) bool {
	const postgres, mysql = "40P01", 1213
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState() == postgres
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if value := reflect.Indirect(reflect.ValueOf(err)); value.Kind() == reflect.Struct {
			if number := value.FieldByName("Number"); number.IsValid() && number.CanUint() {
				return number.Uint() == mysql
			}
		}
	}
	return false
}
