package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/migrations"
)

// Need is what a command needs of the database.
type Need int

const (
	// NeedTables wants the database and its tables to be there.
	NeedTables Need = iota
	// NeedTablesOrSQLite is NeedTables, but makes a SQLite file and its tables.
	NeedTablesOrSQLite
	// NeedMigrated makes what is missing, on a server too.
	NeedMigrated
	// NeedDatabase wants the database to be there, whatever is in it.
	NeedDatabase
	// NeedAnything makes a SQLite file if there is none.
	NeedAnything
)

// WithDatabase opens the database for work and closes it afterwards.
func (c *Call) WithDatabase(ctx context.Context, need Need, work func(*bun.DB) error) error {
	db, err := c.open(ctx, need)
	if err != nil {
		return err
	}
	err = c.prepareTables(ctx, db, need)
	if err == nil {
		err = work(db)
	}
	return errors.Join(c.diagnose(ctx, db, err), db.Close())
}

// open opens the database, if it is there or may be made.
func (c *Call) open(ctx context.Context, need Need) (*bun.DB, error) {
	if need == NeedTables || need == NeedDatabase {
		if err := c.checkFile(); err != nil {
			return nil, err
		}
	}
	var db *bun.DB
	err := c.reach(ctx, c.connectTimeout, func(ctx context.Context) (err error) {
		db, err = dsn.Open(ctx, c.dsn)
		return err
	})
	switch {
	case err == nil:
		return db, nil
	case IsAny(err, dsn.ErrMalformed, dsn.ErrUnreachable):
		return nil, err
	default: // the server has rejected the connection
		return nil, fmt.Errorf("%w: %w", errNoDatabase, err)
	}
}

// reach calls do, which waits for the database to answer, for at most limit; 0 is
// no limit but that of do.
func (c *Call) reach(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	if limit == 0 {
		return do(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := do(limited)
	if err == nil || limited.Err() == nil || ctx.Err() != nil {
		return err
	}
	if errors.Is(err, dsn.ErrUnreachable) { // and says what was waited for
		return fmt.Errorf("%w; --connect-timeout bounds the wait", err)
	}
	return fmt.Errorf("%w: %s: waited %v for an answer about its tables; --connect-timeout bounds the wait: %w",
		dsn.ErrUnreachable, c.Database(), limit, err)
}

// checkFile fails if the database is a SQLite file that does not exist. Opening
// it would make a new, empty one, which is not what a user wants who asks for a
// job.
func (c *Call) checkFile() error {
	path, onSQLite := sqlitePath(c.dsn)
	if !onSQLite || path == ":memory:" {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no SQLite file %q: name another one with --dsn or %s, or make it with: %s migrate up",
			errNoDatabase, path, DSNVariable, c.Program())
	}
	return nil // opening it says what else may be wrong with it
}

// prepareTables checks the tables or makes them.
func (c *Call) prepareTables(ctx context.Context, db *bun.DB, need Need) error {
	if need == NeedDatabase || need == NeedAnything {
		return nil
	}
	err := c.reach(ctx, cmp.Or(c.connectTimeout, dsn.ConnectTimeout), func(ctx context.Context) error {
		return migrations.Check(ctx, db, c.Tables())
	})
	if !errors.Is(err, migrations.ErrNotMigrated) {
		return err
	}
	_, onSQLite := sqlitePath(c.dsn)
	if need == NeedTables || need == NeedTablesOrSQLite && !onSQLite {
		return c.notMigrated(ctx, db)
	}
	if err := migrations.Migrate(ctx, db, c.Tables()); err != nil {
		return err
	}
	c.Note("%s: made the tables in %s", c.Name, c.Database())
	return nil
}

// notMigrated returns a migrations.ErrNotMigrated in words for users of the
// command: the package's own advise a Go program too.
func (c *Call) notMigrated(ctx context.Context, db *bun.DB) error {
	states, err := migrations.Status(ctx, db, c.Tables())
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
		migrations.ErrNotMigrated, c.Database(), strings.Join(missing, ", "), c.Program())
}
