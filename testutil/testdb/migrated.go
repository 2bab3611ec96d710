package testdb

import (
	"context"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/migrations"
)

// migrate makes the newest tables, on a connection that it closes: afterwards only the test
// and the processes that it starts use the database.
func migrate(text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := dsn.Open(ctx, text)
	if err != nil {
		return err
	}
	defer db.Close()
	return migrations.Migrate(ctx, db)
}

// makeMigrated makes a database with the newest tables. PostgreSQL copies it in a tenth of
// the time that the migration takes.
func (h *host) makeMigrated() (name string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	text, name, err := h.make(ctx, empty)
	if err != nil {
		return "", err
	}
	return name, migrate(text)
}
