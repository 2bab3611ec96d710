package store

import (
	"errors"
	"reflect"
	"slices"
	"strings"
)

// IsFull reports whether an error of the database says that it is out of space, on
// its disk or otherwise: for a large write, though it may have some for a small
// one. It goes by the database's own code, which each driver gives in another form.
func IsFull(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return strings.HasPrefix(state.SQLState(), "53") // insufficient resources
	}
	var code interface{ Code() int }
	if errors.As(err, &code) {
		const full = 13
		return code.Code()&0xff == full
	}
	return slices.Contains(mysqlFull, mysqlNumber(err))
}

// mysqlFull are the error numbers of MySQL and MariaDB: ER_DISK_FULL, ER_ERROR_ON_WRITE,
// ER_GET_ERRNO (an error of the operating system in a storage engine),
// ER_RECORD_FILE_FULL, ER_TEMP_FILE_WRITE_FAILURE, EE_WRITE and EE_DISKFULL.
var mysqlFull = []uint64{1021, 1026, 1030, 1114, 1878, 3, 20}

// mysqlNumber returns the server's number in an error of the MySQL driver, which
// has it in a field and in no method; 0 if there is none.
func mysqlNumber(err error) uint64 {
	for ; err != nil; err = errors.Unwrap(err) {
		value := reflect.Indirect(reflect.ValueOf(err))
		if value.Kind() != reflect.Struct {
			continue
		}
		if number := value.FieldByName("Number"); number.IsValid() && number.Kind() == reflect.Uint16 {
			return number.Uint()
		}
	}
	return 0
}
