package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

func mysql(database Database) server {
	return server{
		database:  database,
		namespace: `SELECT DATABASE()`,
		catalog: `SELECT t.table_name, t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED'), c.column_name
FROM information_schema.tables AS t
LEFT JOIN information_schema.columns AS c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_schema = DATABASE()
    AND t.table_name IN ('job_system_migrations', 'job_system_jobs', 'job_type_lock')`,
		unique: `SELECT DISTINCT index_name
FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = 'job_system_jobs' AND non_unique = 0`,
		bookkeeping: `CREATE TABLE IF NOT EXISTS job_system_migrations (
    id          BIGINT       NOT NULL AUTO_INCREMENT,
    name        VARCHAR(255) NOT NULL,
    group_id    BIGINT       NOT NULL,
    migrated_at DATETIME(6)  NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    PRIMARY KEY (id),
    UNIQUE KEY job_system_migrations_name (name)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
		alone:   aloneMySQL,
		client:  string(database) + ` DATABASE < SCRIPT`,
		opening: []string{`DO GET_LOCK(` + lockNameMySQL + `, 600)`},
		closing: []string{`DO RELEASE_LOCK(` + lockNameMySQL + `)`},
	}
}

// lockNameMySQL is within the 64 characters that MySQL allows, however long the
// database's name: these locks are the server's, not the database's.
const lockNameMySQL = `CONCAT('job_system_migrations.', LEFT(SHA2(LOWER(COALESCE(DATABASE(), '')), 256), 32))`

// aloneMySQL does the work while the session holds the lock. DDL commits by
// itself here, so that there is no transaction.
func aloneMySQL(ctx context.Context, conn bun.Conn, do work) error {
	for {
		got, err := tryMySQL(ctx, conn)
		if err != nil {
			return err
		}
		if got {
			break
		}
	}
	defer releaseMySQL(ctx, conn)
	return do(ctx, conn)
}

// tryMySQL waits for the lock for a second: briefly, because the server does not
// notice at once when a client has gone.
func tryMySQL(ctx context.Context, conn bun.Conn) (bool, error) {
	var got sql.NullBool
	err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(`+lockNameMySQL+`, 1)`).Scan(&got)
	if err != nil {
		discard(conn) // the server may have given the lock all the same
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return false, waited(ctx)
	case err != nil:
		return false, fmt.Errorf("take the migration lock: %w", err)
	case !got.Valid:
		return false, errors.New("take the migration lock: the server ended the wait")
	}
	return got.Bool, nil
}

// releaseMySQL gives up the lock, with the connection where it must.
func releaseMySQL(ctx context.Context, conn bun.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := conn.ExecContext(ctx, `DO RELEASE_LOCK(`+lockNameMySQL+`)`); err != nil {
		discard(conn)
	}
}
