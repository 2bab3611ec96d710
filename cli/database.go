package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/migrations"
)

// need is what a command needs of the database.
type need int

const (
	// needTables: the database and its tables are there.
	needTables need = iota
	// needTablesOrSQLite: as well, but a SQLite file and its tables are made.
	needTablesOrSQLite
	// needMigrated: what is missing is made, on a server too.
	needMigrated
	// needDatabase: the database is there; what is in it does not matter.
	needDatabase
	// needAnything: a SQLite file is made if need be.
	needAnything
)

// withDatabase opens the database for work and closes it afterwards.
func (inv *invocation) withDatabase(ctx context.Context, need need, work func(*bun.DB) error) error {
	db, err := inv.open(ctx, need)
	if err != nil {
		return err
	}
	err = inv.prepareTables(ctx, db, need)
	if err == nil {
		err = work(db)
	}
	return errors.Join(inv.diagnose(ctx, db, err), db.Close())
}

// open opens the database, if it is there or may be made.
func (inv *invocation) open(ctx context.Context, need need) (*bun.DB, error) {
	if need == needTables || need == needDatabase {
		if err := inv.checkFile(); err != nil {
			return nil, err
		}
	}
	db, err := dsn.Open(ctx, inv.dsn)
	if err != nil {
		return nil, openError(err)
	}
	return db, nil
}

// openError makes a refusal by the server one of the errors that say that there
// is no database to work with.
func openError(err error) error {
	if isAny(err, dsn.ErrMalformed, dsn.ErrUnreachable) {
		return err
	}
	return fmt.Errorf("%w: %w", errNoDatabase, err)
}

// prepareTables checks the tables or makes them.
func (inv *invocation) prepareTables(ctx context.Context, db *bun.DB, need need) error {
	if need == needDatabase || need == needAnything {
		return nil
	}
	err := migrations.Check(ctx, db)
	if !errors.Is(err, migrations.ErrNotMigrated) {
		return err
	}
	_, onSQLite := sqlitePath(inv.dsn)
	if need == needTables || need == needTablesOrSQLite && !onSQLite {
		return inv.notMigrated(ctx, db)
	}
	if err := migrations.Migrate(ctx, db); err != nil {
		return err
	}
	inv.note("%s: made the tables in %s", inv.name, dsn.Redact(inv.dsn))
	return nil
}

// notMigrated is migrations.ErrNotMigrated in words for those who have a
// command: the package's own advise a Go program too.
func (inv *invocation) notMigrated(ctx context.Context, db *bun.DB) error {
	states, err := migrations.Status(ctx, db)
	if err != nil {
		return err
	}
	var missing []string
	for _, state := range states {
		if !state.Applied() {
			missing = append(missing, state.Name)
		}
	}
	return fmt.Errorf("%w: %s lacks %s; make its tables with: %s migrate up",
		migrations.ErrNotMigrated, dsn.Redact(inv.dsn), strings.Join(missing, ", "), inv.program())
}

// checkFile fails if the database is a SQLite file that does not exist. Opening
// it would make a new, empty one, which is not what somebody wants who asks for
// a job.
func (inv *invocation) checkFile() error {
	path, onSQLite := sqlitePath(inv.dsn)
	if !onSQLite || path == ":memory:" {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no SQLite file %q: name another one with --dsn or %s, or make it with: %s migrate up",
			errNoDatabase, path, dsnVariable, inv.program())
	}
	return nil // what else may be wrong with it, opening it tells
}

// databaseOf returns the kind of database that a DSN names, without connecting;
// none if it is malformed.
func databaseOf(text string) migrations.Database {
	scheme, _, found := strings.Cut(strings.TrimSpace(text), "://")
	switch scheme = strings.ToLower(scheme); {
	case !found || scheme == "sqlite":
		return migrations.SQLite
	case scheme == "postgres" || scheme == "postgresql":
		return migrations.PostgreSQL
	case scheme == "mysql":
		return migrations.MySQL
	case scheme == "mariadb":
		return migrations.MariaDB
	default:
		return ""
	}
}

// sqlitePath returns the path of the SQLite file that a DSN names. A malformed
// DSN, which is not shown as it is, names none: opening it says what is wrong.
func sqlitePath(text string) (path string, ok bool) {
	text = strings.TrimSpace(text)
	if databaseOf(text) != migrations.SQLite || dsn.Redact(text) != text {
		return "", false
	}
	_, path, found := strings.Cut(text, "://")
	if !found {
		return text, true
	}
	path, err := url.PathUnescape(path)
	return path, err == nil
}
