package migrations

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

// Database is a kind of database that the tables can be made on.
type Database string

// The kinds of database. Bun has one dialect for MySQL and MariaDB, and here
// too what one of them takes is written so that the other takes it.
const (
	SQLite     Database = "sqlite"
	PostgreSQL Database = "postgres"
	MySQL      Database = "mysql"
	MariaDB    Database = "mariadb"
)

// Databases returns every kind of database there is.
func Databases() []Database {
	return []Database{SQLite, PostgreSQL, MySQL, MariaDB}
}

// work is what is done on one connection. A connection may stand for a
// transaction.
type work func(ctx context.Context, conn bun.IConn) error

// A server is what differs between the kinds of database, beside the statements
// of each migration.
type server struct {
	database Database
	// namespace selects the name of what the tables are in, or NULL.
	namespace string
	// catalog selects a row for each column of the relations that have one of
	// our names: relation, whether it is a table, column (NULL for a relation
	// that has none).
	catalog string
	// unique selects the names of the unique indexes of job_system_jobs.
	unique string
	// bookkeeping makes the table that bun/migrate reads and writes.
	bookkeeping string
	// alone does the work while no other process migrates in the same
	// namespace, and undoes the work that fails where the database can.
	alone func(ctx context.Context, conn bun.Conn, do work) error
	// client is the command that runs a printed script and ends at an error.
	client string
	// opening and closing are what alone does, for a printed script.
	opening, closing []string
}

func (d Database) server() (server, error) {
	switch d {
	case SQLite:
		return sqlite(), nil
	case PostgreSQL:
		return postgres(), nil
	case MySQL, MariaDB:
		return mysql(d), nil
	}
	return server{}, fmt.Errorf("no such kind of database: %q (there are %s)", string(d), list(Databases()))
}

func serverOf(db *bun.DB) (server, error) {
	switch name := db.Dialect().Name(); name {
	case dialect.SQLite:
		return sqlite(), nil
	case dialect.PG:
		return postgres(), nil
	case dialect.MySQL:
		return mysql(MySQL), nil
	default:
		return server{}, fmt.Errorf("no migrations for the dialect %s (there are for %s)", name, list(Databases()))
	}
}

// list joins names for a person to read.
func list[T ~string](names []T) string {
	var text []string
	for _, name := range names {
		text = append(text, string(name))
	}
	return strings.Join(text, ", ")
}
