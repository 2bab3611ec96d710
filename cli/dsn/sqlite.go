package dsn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

func openSQLite(ctx context.Context, a *address) (*bun.DB, error) {
	where, file := "SQLite database in memory", memory
	if a.path != memory {
		path, err := filepath.Abs(a.path) // the folder at start: later connections must find the same file
		if err != nil {
			return nil, fmt.Errorf("open SQLite database: %w", err)
		}
		where, file = fmt.Sprintf("SQLite database %q", path), path
		if err := createPrivate(path); err != nil {
			return nil, unreachable(where, err, "create the folder first, or correct the path and its permissions")
		}
	}
	connector, err := sqlite.NewConnector(sqliteText(file))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", where, err)
	}
	pool := sql.OpenDB(configured{connector})
	// SQLite has one writer at a time. Many connections only make them wait
	// for each other by polling (up to seconds); one makes them queue fairly
	// here. It is also what keeps a database in memory alive, and one.
	pool.SetMaxOpenConns(1)
	pool.SetMaxIdleConns(1)
	begun := time.Now()
	if err := checkSQLite(ctx, pool, file); err != nil {
		pool.Close()
		return nil, explainSQLite(where, err, begun)
	}
	return bun.NewDB(pool, sqlitedialect.New()), nil
}

// createPrivate makes a new file that only its owner can read: SQLite itself
// would make it as open as the umask allows. Its -wal and -shm files take
// their mode from it. A file that exists is not touched: opening and closing
// it here would drop the locks that another connection of this process holds
// on it (POSIX locks belong to the process).
func createPrivate(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return errors.New("it is a folder, not a file")
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the file that the DSN names
	if errors.Is(err, fs.ErrExist) {
		if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return errors.New("it is a symbolic link to a file that does not exist")
		}
		return nil // another process made it just now
	}
	if err != nil {
		return err
	}
	return file.Close()
}

func sqliteText(file string) string {
	settings := url.Values{
		"_txlock": {"immediate"}, // a transaction that starts by reading cannot fail to turn into a writer
		"_pragma": {"busy_timeout(10000)"},
	}
	if file == memory {
		return "file::memory:?" + settings.Encode()
	}
	slashed := filepath.ToSlash(file)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/jobs.db
	}
	return (&url.URL{Scheme: "file", Path: slashed, RawQuery: settings.Encode()}).String()
}

// configured makes the settings that touch the file, or wait for other processes
// that do: not in the text, where the driver runs them without the caller's
// context.
type configured struct{ driver.Connector }

const sqliteSettings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = 1"

func (c configured) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := configure(ctx, conn.(driver.ExecerContext)); err != nil { // this driver's connections are
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// configure tries again while another connection turns the write-ahead log on, or
// removes it as the last one to close the file: SQLite answers "locked" to that at
// once, without the time-out that it was given.
func configure(ctx context.Context, conn driver.ExecerContext) error {
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	for {
		_, err := conn.ExecContext(ctx, sqliteSettings, nil)
		if e, ok := errors.AsType[*sqlite.Error](err); !ok || e.Code()&0xff != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(time.Millisecond + rand.N(10*time.Millisecond)): //nolint:gosec // spreads load, and is no secret
		}
	}
}

func explainSQLite(where string, err error, begun time.Time) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return unreachable(where+waited(begun, "its lock"), err, "another process holds it: try again later")
	case !ok:
		return unreachable(where, err, "check the file and its folder")
	}
	switch e.Code() & 0xff { // the rest is detail
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return rejected(where, err, "the file is not a SQLite database, or it is damaged")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return unreachable(where, err, "another process holds it: try again later")
	default:
		return unreachable(where, err, "check the file's permissions, its folder and the disk")
	}
}

// checkSQLite opens the file, and checks that the settings hold: where SQLite
// cannot use a write-ahead log, it does not fail but works without one.
func checkSQLite(ctx context.Context, pool *sql.DB, file string) error {
	var mode string
	if err := pool.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" && file != memory {
		return fmt.Errorf("its write-ahead log cannot be turned on (journal mode is %s): network folders and read-only files do not allow it", mode)
	}
	return nil
}
