package dsn

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"
)

// Open connects to the database that text names (see the package for the
// forms) and returns it with the settings this product needs, once it is
// connected. It blocks until then; ctx bounds it, and 10 seconds bound each
// attempt to connect where the text says nothing else (connect_timeout on
// PostgreSQL, timeout on MySQL).
//
// A SQLite file is created when it is not there, readable by its owner only;
// its folder must exist. SQLite gets one connection in this process: a second
// query waits for the first, and a query inside an open transaction must go
// through that transaction or it waits for ever. Servers get up to 8.
//
// Errors wrap ErrMalformed or ErrUnreachable, or else the server's own error
// (*pgconn.PgError, *mysql.MySQLError), and never hold the password.
//
// The caller closes the database. Safe for concurrent use.
func Open(ctx context.Context, text string) (*bun.DB, error) {
	a, err := parse(text)
	if err != nil {
		return nil, err
	}
	switch a.kind {
	case postgresServer:
		return openPostgres(ctx, a)
	case mysqlServer:
		return openMySQL(ctx, a)
	default:
		return openSQLite(ctx, a)
	}
}

// ConnectTimeout bounds an attempt to connect where the text says nothing else.
const ConnectTimeout = 10 * time.Second

// connect makes the first connection of a pool. The limit of the time to connect bounds
// all of it, which a ping is not part of.
func connect(ctx context.Context, pool *sql.DB) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	return conn.Close()
}

// poolForServer bounds the connections of one process. Eight is where a
// commit's wait for the disk is covered by the others on the machines measured;
// idle ones are kept, because connecting costs more than a step.
func poolForServer(db *sql.DB) {
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	db.SetConnMaxIdleTime(5 * time.Minute)
}
