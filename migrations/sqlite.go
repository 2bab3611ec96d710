package migrations

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/uptrace/bun"
)

func sqliteDialect() databaseDialect {
	return databaseDialect{
		database:       SQLite,
		namespaceQuery: `SELECT 'main'`,
		catalogQuery: `SELECT lower(m.name), m.type = 'table', c.name
FROM main.sqlite_master AS m
LEFT JOIN pragma_table_xinfo(m.name, 'main') AS c
WHERE lower(m.name) IN ('job_system_migrations', 'job_system_jobs', 'job_type_lock')`,
		indexes: jobsIndexes(keyBindsSQLite),
		// A table or a view of that name makes CREATE INDEX fail.
		indexesQuery: `SELECT lower(m.name), lower(m.tbl_name), l."unique", l.partial, c.name
FROM main.sqlite_master AS m
JOIN pragma_index_list(m.tbl_name, 'main') AS l ON l.name = m.name
JOIN pragma_index_info(m.name, 'main') AS c
WHERE m.type = 'index' AND lower(m.name) IN (%s)
ORDER BY m.name, c.seqno`,
		createMigrationsTable: `CREATE TABLE IF NOT EXISTS job_system_migrations (
    id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    group_id    INTEGER NOT NULL,
    migrated_at TEXT    NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT job_system_migrations_name UNIQUE (name)
) STRICT`,
		withLock:      withLockSQLite,
		clientCommand: `sqlite3 -bail FILE < SCRIPT`,
		scriptBegin:   []string{`BEGIN IMMEDIATE`},
		scriptEnd:     []string{`COMMIT`},
	}
}

// withLockSQLite runs do in a transaction that holds the write lock from its
// beginning. It executes BEGIN IMMEDIATE itself, because the host's connection
// string decides how database/sql begins a transaction.
//
// It does not interrupt a running statement. The work takes milliseconds, and an
// interrupted connection is in an unknown state and would have to be closed, which
// deletes a database in memory.
func withLockSQLite(ctx context.Context, conn bun.Conn, do work) (err error) {
	uncancelled := context.WithoutCancel(ctx)
	restore, err := shortenBusyTimeout(uncancelled, conn)
	if err != nil {
		return err
	}
	defer restore()
	if err := beginSQLite(ctx, conn); err != nil {
		return err
	}
	err = do(uncancelled, conn)
	if err == nil {
		err = commitSQLite(ctx, conn)
	}
	if err != nil {
		if _, failed := conn.ExecContext(uncancelled, `ROLLBACK`); failed != nil {
			discard(conn)
		}
	}
	return err
}

// shortenBusyTimeout limits the connection's wait for a lock to one
// lockRetryInterval, so that the end of ctx is noticed in time. It returns a
// function that restores the previous limit.
func shortenBusyTimeout(ctx context.Context, conn bun.Conn) (restore func(), err error) {
	var before int
	if err := conn.QueryRowContext(ctx, `PRAGMA busy_timeout`).Scan(&before); err != nil {
		return nil, err
	}
	set := func(milliseconds int64) error {
		return conn.QueryRowContext(ctx, fmt.Sprintf(`PRAGMA busy_timeout = %d`, milliseconds)).Scan(new(int))
	}
	return func() { _ = set(int64(before)) }, set(lockRetryInterval.Milliseconds())
}

func beginSQLite(ctx context.Context, conn bun.Conn) error {
	return retryWhileBusy(ctx, conn, `BEGIN IMMEDIATE`)
}

// commitSQLite also retries: without WAL, readers block a commit.
func commitSQLite(ctx context.Context, conn bun.Conn) error {
	return retryWhileBusy(ctx, conn, `COMMIT`)
}

func retryWhileBusy(ctx context.Context, conn bun.Conn, statement string) error {
	for {
		if ctx.Err() != nil {
			return lockWaitError(ctx)
		}
		_, err := conn.ExecContext(context.WithoutCancel(ctx), statement)
		if err == nil || !isBusy(err) {
			return err
		}
		if err := waitToRetry(ctx, lockRetryInterval/10); err != nil {
			return err
		}
	}
}

// isBusy reports whether err is a driver's error that another connection holds
// the lock. It finds the error code, a method or a field of the driver's error, by
// reflection, because this package imports no driver.
func isBusy(err error) bool {
	const (
		sqliteBusy   = 5
		sqliteLocked = 6 // shared cache
	)
	for ; err != nil; err = errors.Unwrap(err) {
		if code, ok := errorCode(reflect.ValueOf(err)); ok {
			primary := code & 0xff // the other bits are the extended code
			return primary == sqliteBusy || primary == sqliteLocked
		}
	}
	return false
}

func errorCode(err reflect.Value) (int64, bool) {
	var code reflect.Value
	if method := err.MethodByName("Code"); method.IsValid() &&
		method.Type().NumIn() == 0 && method.Type().NumOut() == 1 {
		code = method.Call(nil)[0]
	} else if value := reflect.Indirect(err); value.Kind() == reflect.Struct {
		code = value.FieldByName("Code")
	}
	switch {
	case !code.IsValid():
		return 0, false
	case code.CanInt():
		return code.Int(), true
	case code.CanUint():
		return int64(code.Uint()), true //nolint:gosec // SQLite's codes are small
	}
	return 0, false
}
