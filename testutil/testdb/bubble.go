package testdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing/synctest"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
)

// InBubble reports whether the goroutine is in a bubble of testing/synctest. If it is,
// InBubble returns when all other goroutines of the bubble are blocked.
func InBubble() (in bool) {
	defer func() { in = recover() == nil }()
	synctest.Wait()
	return
}

// openVirtual opens a SQLite database whose clock is the bubble's.
//
// It is not done with a hook of package wire: that sees the calls of database/sql, and the
// clock is read below them, by SQL functions while SQLite runs a statement. A hook on such
// a database is possible too, as on any other: wire.Through(db, hook).
func openVirtual(_ context.Context, text string) (*bun.DB, error) {
	path, isSQLite := strings.CutPrefix(text, "sqlite://")
	if !isSQLite {
		return nil, errors.New("in a bubble of testing/synctest time is virtual, and a server has the real one: use SQLite there")
	}
	path, err := url.PathUnescape(path)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(virtualConnector{bubbleClock(), path})
	pool.SetMaxOpenConns(1) // what a database in memory lives in
	return bun.NewDB(pool, sqlitedialect.New()), nil
}

// virtualConnector connects to a SQLite file or to a database in memory.
type virtualConnector struct {
	driver *sqlite.Driver
	path   string
}

func (c virtualConnector) Driver() driver.Driver { return c.driver }

func (c virtualConnector) Connect(context.Context) (driver.Conn, error) {
	settings := url.Values{"_txlock": {"immediate"}, "_pragma": {"journal_mode(WAL)", "foreign_keys(1)", "synchronous(OFF)"}}
	return c.driver.Open("file:" + (&url.URL{Path: c.path}).EscapedPath() + "?" + settings.Encode())
}

// CheckClock returns an error for a database whose clock is not the bubble's.
func CheckClock(ctx context.Context, db *bun.DB) error {
	const remedy = "in a bubble of testing/synctest, open a database with testdb.Open, on SQLite, and within that bubble"
	if db.Dialect().Name() != dialect.SQLite {
		return fmt.Errorf("a server's clock is not the bubble's: %s", remedy)
	}
	var now float64
	if err := db.QueryRowContext(ctx, "SELECT unixepoch('subsec')").Scan(&now); err != nil {
		return fmt.Errorf("ask the database for its time: %w", err)
	}
	if off := time.Since(time.UnixMilli(int64(now * 1e3))).Abs(); off > time.Minute {
		return fmt.Errorf("the database's clock is %v off the bubble's: %s", off.Round(time.Second), remedy)
	}
	return nil
}
