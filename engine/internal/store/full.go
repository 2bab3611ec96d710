package store

import (
	"slices"
	"strings"
)

// IsFull reports whether an error of the database says that it is out of space, on
// its disk or otherwise: for a large write, though it may have some for a small
// one. It goes by the database's own code, which each driver gives in another form.
func IsFull(err error) bool {
	const onSQLite = 13
	onPostgres := strings.HasPrefix(sqlState(err), "53") // insufficient resources
	return onPostgres || sqliteCode(err) == onSQLite || slices.Contains(mysqlFull, mysqlNumber(err))
}

// mysqlFull are the error numbers of MySQL and MariaDB: ER_DISK_FULL, ER_ERROR_ON_WRITE,
// ER_GET_ERRNO (an error of the operating system in a storage engine),
// ER_RECORD_FILE_FULL, ER_TEMP_FILE_WRITE_FAILURE, EE_WRITE and EE_DISKFULL.
var mysqlFull = []uint64{1021, 1026, 1030, 1114, 1878, 3, 20}
