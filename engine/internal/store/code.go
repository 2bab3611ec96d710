package store

import (
	"errors"
	"reflect"
)

// The database's own code of an error, of which each driver has another form. An error
// is never told by its text.

// sqlState returns the SQLSTATE in an error of a PostgreSQL driver; empty if there is
// none. pgx and lib/pq have a method for it, Bun's pgdriver one for each field of the
// server's message.
func sqlState(err error) string {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState()
	}
	var fields interface{ Field(k byte) string }
	if errors.As(err, &fields) {
		return fields.Field('C')
	}
	return ""
}

// sqliteCode returns the primary result code in an error of an SQLite driver; 0 if there
// is none. modernc's has a method for it, mattn's a field.
func sqliteCode(err error) int {
	var code interface{ Code() int }
	if errors.As(err, &code) {
		return code.Code() & 0xff
	}
	value, _ := errorField(err, "Code", reflect.Int)
	if !value.IsValid() || value.Type().PkgPath() != "github.com/mattn/go-sqlite3" {
		return 0
	}
	return int(value.Int()) & 0xff
}

// mysqlNumber returns the server's number in an error of the MySQL driver, which
// has it in a field and in no method; 0 if there is none.
func mysqlNumber(err error) uint64 {
	value, ok := errorField(err, "Number", reflect.Uint16)
	if !ok {
		return 0
	}
	return value.Uint()
}

// errorField returns a field of the first error in the chain that is a struct with such a
// field of that kind.
func errorField(err error, name string, kind reflect.Kind) (reflect.Value, bool) {
	for ; err != nil; err = errors.Unwrap(err) {
		value := reflect.Indirect(reflect.ValueOf(err))
		if value.Kind() != reflect.Struct {
			continue
		}
		if field := value.FieldByName(name); field.IsValid() && field.Kind() == kind {
			return field, true
		}
	}
	return reflect.Value{}, false
}
