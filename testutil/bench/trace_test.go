package bench

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// traced is what SQLite has done in this process. It has no statistics to ask
// for these, but calls a function as each statement begins (sqlite3_trace_v2),
// on every connection that is opened after this was asked for
// (sqlite3_auto_extension): all systems here use the same driver.
var traced struct{ transactions, statements atomic.Int64 }

// traceSQLite begins to count.
var traceSQLite = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	defer tls.Close()
	sqlite3.Xsqlite3_auto_extension(tls, pointer(traceConnection))
})

func traceConnection(tls *libc.TLS, db, _, _ uintptr) int32 {
	return sqlite3.Xsqlite3_trace_v2(tls, db, sqlite3.SQLITE_TRACE_STMT, pointer(traceStatement), 0)
}

// What statements begin with that are told apart.
var cBegin, cRollback, cCommit, cEnd = words("BEGIN"), words("ROLLBACK"), words("COMMIT"), words("END")

func traceStatement(tls *libc.TLS, _ uint32, _, statement, text uintptr) int32 {
	begins := func(w cWords) bool { return sqlite3.Xsqlite3_strnicmp(tls, text, w.text, w.length) == 0 }
	switch {
	case text != sqlite3.Xsqlite3_sql(tls, statement): // a trigger within it
	case begins(cBegin), begins(cRollback):
	case begins(cCommit), begins(cEnd):
		traced.transactions.Add(1)
	default:
		traced.statements.Add(1)
		if sqlite3.Xsqlite3_get_autocommit(tls, sqlite3.Xsqlite3_db_handle(tls, statement)) != 0 {
			traced.transactions.Add(1)
		}
	}
	return 0
}

// cWords is a text as C has it.
type cWords struct {
	text   uintptr
	length int32
}

func words(s string) cWords {
	text, err := libc.CString(s)
	if err != nil {
		panic(err)
	}
	return cWords{text, int32(len(s))}
}

// pointer is a Go function as the driver's C code, which is compiled to Go,
// calls it: see the driver's own of the kind.
func pointer[T any](function T) uintptr {
	return *(*uintptr)(unsafe.Pointer(&struct{ f T }{function}))
}
