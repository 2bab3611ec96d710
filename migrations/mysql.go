package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

func mysqlDialect(database Database) databaseDialect {
	return databaseDialect{
		database:       database,
		namespaceQuery: `SELECT DATABASE()`,
		catalogQuery: `SELECT t.table_name, t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED'), c.column_name
FROM information_schema.tables AS t
LEFT JOIN information_schema.columns AS c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_schema = DATABASE()
    AND t.table_name IN ('job_system_migrations', 'job_system_jobs', 'job_type_lock')`,
		indexes: jobsIndexesMySQL(),
		// Other tables may have indexes of the same names.
		indexesQuery: `SELECT LOWER(index_name), table_name, non_unique = 0, FALSE,
    IF(sub_part IS NULL, column_name, CONCAT(column_name, '(', sub_part, ')'))
FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = 'job_system_jobs' AND index_name IN (%s)
ORDER BY index_name, seq_in_index`,
		createMigrationsTable: `CREATE TABLE IF NOT EXISTS job_system_migrations (
    id          BIGINT       NOT NULL AUTO_INCREMENT,
    name        VARCHAR(255) NOT NULL,
    group_id    BIGINT       NOT NULL,
    migrated_at DATETIME(6)  NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    PRIMARY KEY (id),
    UNIQUE KEY job_system_migrations_name (name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
		withLock:      withLockMySQL,
		clientCommand: string(database) + ` DATABASE < SCRIPT`,
		scriptBegin:   []string{`DO GET_LOCK(` + lockNameMySQL + `, 600)`},
		scriptEnd:     []string{`DO RELEASE_LOCK(` + lockNameMySQL + `)`},
	}
}

// lockNameMySQL is an expression for the name of the lock. The name contains that
// of the database, because these locks belong to the server. It is hashed, because
// MySQL allows 64 characters.
const lockNameMySQL = `CONCAT('job_system_migrations.', LEFT(SHA2(LOWER(COALESCE(DATABASE(), '')), 256), 32))`

// withLockMySQL runs do while the session holds the lock. It uses no transaction,
// because each DDL statement commits implicitly.
func withLockMySQL(ctx context.Context, conn bun.Conn, do work) error {
	for {
		acquired, err := tryLockMySQL(ctx, conn)
		if err != nil {
			return err
		}
		if acquired {
			break
		}
	}
	defer releaseLockMySQL(ctx, conn)
	return do(ctx, conn)
}

// tryLockMySQL waits for the lock for up to a second. It does not wait longer,
// because the server may not notice at once that a waiting client has
// disconnected.
func tryLockMySQL(ctx context.Context, conn bun.Conn) (bool, error) {
	var acquired sql.NullBool
	err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(`+lockNameMySQL+`, 1)`).Scan(&acquired)
	if err != nil {
		discard(conn) // the session may hold the lock despite the error
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return false, lockWaitError(ctx)
	case err != nil:
		return false, fmt.Errorf("acquire the migration lock: %w", err)
	case !acquired.Valid: // NULL, for example after KILL QUERY
		return false, errors.New("acquire the migration lock: the server ended the wait")
	}
	return acquired.Bool, nil
}

// releaseLockMySQL releases the lock. If that fails, it closes the connection,
// which releases the lock too.
func releaseLockMySQL(ctx context.Context, conn bun.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := conn.ExecContext(ctx, `DO RELEASE_LOCK(`+lockNameMySQL+`)`); err != nil {
		discard(conn)
	}
}
