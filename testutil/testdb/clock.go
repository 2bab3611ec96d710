package testdb

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// bubbleClock returns SQLite with the clock of the goroutine that runs a statement. In a
// bubble of testing/synctest that clock is virtual; SQLite itself would read the machine's.
// It replaces SQL's date and time functions, which call the original ones with the current
// time as an argument.
var bubbleClock = sync.OnceValue(func() *sqlite.Driver {
	d := &sqlite.Driver{}
	plain := &plainSQLite{}
	for name, before := range map[string]int{"unixepoch": 0, "julianday": 0, "datetime": 0, "date": 0, "time": 0, "strftime": 1} {
		d.MustRegisterFunction(name, plain.at(name, -1, before))
	}
	for name, function := range map[string]string{"current_timestamp": "datetime", "current_date": "date", "current_time": "time"} {
		d.MustRegisterFunction(name, plain.at(function, 0, 0))
	}
	return d
})

// plainSQLite calls SQLite's own functions, on a connection of its own.
type plainSQLite struct {
	mu   sync.Mutex
	conn driver.Conn
}

// at returns a replacement of a date and time function that passes the current time to the
// original one. before is the number of arguments before the time. Like the original, it
// returns the same value throughout a statement.
func (p *plainSQLite) at(function string, args int32, before int) *sqlite.FunctionImpl {
	return &sqlite.FunctionImpl{NArgs: args, Deterministic: true, Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		if len(args) < before {
			return nil, fmt.Errorf("%s() takes a format", function)
		}
		return p.call(function, slices.Concat(args[:before], withNow(args[before:])))
	}}
}

// withNow returns a time and its modifiers with "now" replaced by the current time.
func withNow(args []driver.Value) []driver.Value {
	now := []driver.Value{float64(time.Now().UnixMilli()) / 1e3, "unixepoch"}
	if len(args) == 0 {
		return now
	}
	text, _ := args[0].(string)
	switch strings.ToLower(text) {
	case "now":
		return append(now, args[1:]...)
	case "subsec", "subsecond": // "now" is implied
		return append(now, args...)
	default:
		return args
	}
}

func (p *plainSQLite) call(function string, args []driver.Value) (driver.Value, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		conn, err := (&sqlite.Driver{}).Open("file::memory:")
		if err != nil {
			return nil, err
		}
		p.conn = conn
	}
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	query := "SELECT " + function + "(" + strings.TrimSuffix(strings.Repeat("?,", len(args)), ",") + ")"
	rows, err := p.conn.(driver.QueryerContext).QueryContext(context.Background(), query, named) // this driver's connections are
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	row := make([]driver.Value, 1)
	err = rows.Next(row)
	return row[0], err
}
