package migrations

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/model"
)

// Database is a kind of database on which the tables can be created.
type Database string

// The kinds of database. Bun has one dialect for MySQL and MariaDB, so the
// statements for one of them also run on the other.
const (
	SQLite     Database = "sqlite"
	PostgreSQL Database = "postgres"
	MySQL      Database = "mysql"
	MariaDB    Database = "mariadb"
)

// Databases returns all kinds of database.
func Databases() []Database {
	return []Database{SQLite, PostgreSQL, MySQL, MariaDB}
}

// work is a function that runs its statements on one connection, which may be a
// transaction.
type work func(ctx context.Context, conn bun.IConn) error

// databaseDialect holds what differs between the kinds of database, except the
// statements of the migrations.
type databaseDialect struct {
	database Database
	tables   model.Tables
	// namespaceQuery selects the name of the namespace that holds the tables, or
	// NULL if there is none.
	namespaceQuery string
	// catalogQuery selects a row for each column of the relations that have one of
	// our names: relation, whether it is a table, column (NULL for a relation
	// without columns).
	catalogQuery string
	// indexes are those of job_system_jobs. indexesQuery has %s for a list of names,
	// and selects, in order, a row for each column of the relations that have one of
	// them: relation, the table whose index it is (empty if it is no index), whether it
	// is unique, whether it is partial, column (NULL for an expression).
	indexes      []index
	indexesQuery string
	// createMigrationsTable creates the table that bun/migrate reads and writes.
	createMigrationsTable string
	// withLock runs do while no other process migrates in the same namespace. If do
	// fails, it rolls its changes back where the database can.
	withLock func(ctx context.Context, conn bun.Conn, do work) error
	// clientCommand runs a printed script and stops at the first error.
	clientCommand string
	// scriptBegin and scriptEnd do in a printed script what withLock does.
	scriptBegin, scriptEnd []string
}

func (d Database) dialect(tables model.Tables) (databaseDialect, error) {
	switch d {
	case SQLite:
		return sqliteDialect().on(tables), nil
	case PostgreSQL:
		return postgresDialect().on(tables), nil
	case MySQL, MariaDB:
		return mysqlDialect(d).on(tables), nil
	}
	return databaseDialect{}, fmt.Errorf("unknown database %q: want one of %s", string(d), joinNames(Databases()))
}

// on returns the dialect for tables with these names.
func (d databaseDialect) on(tables model.Tables) databaseDialect {
	d.tables = tables
	return d
}

func dialectOf(db *bun.DB, tables model.Tables) (databaseDialect, error) {
	switch name := db.Dialect().Name(); name {
	case dialect.SQLite:
		return sqliteDialect().on(tables), nil
	case dialect.PG:
		return postgresDialect().on(tables), nil
	case dialect.MySQL:
		return mysqlDialect(MySQL).on(tables), nil
	default:
		return databaseDialect{}, fmt.Errorf("no migrations for dialect %s: want one of %s", name, joinNames(Databases()))
	}
}

// joinNames joins names with commas, for an error message.
func joinNames[T ~string](names []T) string {
	var text []string
	for _, name := range names {
		text = append(text, string(name))
	}
	return strings.Join(text, ", ")
}
