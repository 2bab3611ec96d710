package migrations

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/uptrace/bun"
)

func sqlite() server {
	return server{
		database:  SQLite,
		namespace: `SELECT 'main'`,
		catalog: `SELECT lower(m.name), m.type = 'table', c.name
FROM main.sqlite_master AS m
LEFT JOIN pragma_table_xinfo(m.name, 'main') AS c
WHERE lower(m.name) IN ('job_system_migrations', 'job_system_jobs', 'job_type_lock')`,
		unique: `SELECT name FROM pragma_index_list('job_system_jobs', 'main') WHERE "unique"`,
		bookkeeping: `CREATE TABLE IF NOT EXISTS job_system_migrations (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    group_id    INTEGER NOT NULL,
    migrated_at TEXT    NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT job_system_migrations_name UNIQUE (name)
) STRICT`,
		alone:   aloneSQLite,
		client:  `sqlite3 -bail FILE < SCRIPT`,
		opening: []string{`BEGIN IMMEDIATE`},
		closing: []string{`COMMIT`},
	}
}

// aloneSQLite does the work in a transaction that holds the write lock from its
// begin. It says BEGIN itself because what database/sql begins is as the host's
// connection string has it.
//
// Once a statement is under way it is not interrupted: the work takes
// milliseconds, and a connection whose state is unknown would have to be
// closed, and with it a database in memory would be gone.
func aloneSQLite(ctx context.Context, conn bun.Conn, do work) (err error) {
	whole := context.WithoutCancel(ctx)
	restore, err := shortWaits(whole, conn)
	if err != nil {
		return err
	}
	defer restore()
	if err := beginSQLite(ctx, conn); err != nil {
		return err
	}
	err = do(whole, conn)
	if err == nil {
		err = commitSQLite(ctx, conn)
	}
	if err != nil {
		if _, failed := conn.ExecContext(whole, `ROLLBACK`); failed != nil {
			discard(conn)
		}
	}
	return err
}

// shortWaits makes the connection wait for a lock no longer than one retry, so
// that the end of ctx is noticed, and returns what undoes it.
func shortWaits(ctx context.Context, conn bun.Conn) (restore func(), err error) {
	var before int
	if err := conn.QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&before); err != nil {
		return nil, err
	}
	set := func(milliseconds int64) error {
		return conn.QueryRowContext(ctx, fmt.Sprintf(`PRAGMA busy_timeout = %d`, milliseconds)).Scan(new(int))
	}
	return func() { _ = set(int64(before)) }, set(retry.Milliseconds())
}

func beginSQLite(ctx context.Context, conn bun.Conn) error {
	return whileBusy(ctx, conn, `BEGIN IMMEDIATE`)
}

// commitSQLite waits too: without WAL, readers hold up a commit.
func commitSQLite(ctx context.Context, conn bun.Conn) error {
	return whileBusy(ctx, conn, `COMMIT`)
}

func whileBusy(ctx context.Context, conn bun.Conn, statement string) error {
	for {
		if ctx.Err() != nil {
			return waited(ctx)
		}
		_, err := conn.ExecContext(context.WithoutCancel(ctx), statement)
		if err == nil || !busy(err) {
			return err
		}
		if err := pause(ctx, retry/10); err != nil {
			return err
		}
	}
}

// busy tells whether a driver says that another connection has the lock. The
// drivers have the code as a method or as a field, and are not imported here.
func busy(err error) bool {
	const (
		sqliteBusy   = 5
		sqliteLocked = 6 // shared cache
	)
	for ; err != nil; err = errors.Unwrap(err) {
		if code, ok := code(reflect.ValueOf(err)); ok {
			primary := code & 0xff
			return primary == sqliteBusy || primary == sqliteLocked
		}
	}
	return false
}

func code(err reflect.Value) (int64, bool) {
	var found reflect.Value
	if method := err.MethodByName("Code"); method.IsValid() &&
		method.Type().NumIn() == 0 && method.Type().NumOut() == 1 {
		found = method.Call(nil)[0]
	} else if value := reflect.Indirect(err); value.Kind() == reflect.Struct {
		found = value.FieldByName("Code")
	}
	switch {
	case !found.IsValid():
		return 0, false
	case found.CanInt():
		return found.Int(), true
	case found.CanUint():
		return int64(found.Uint()), true //nolint:gosec // SQLite has small codes
	}
	return 0, false
}
