package migrations_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite"

	"github.com/ntxdev/jobsystem/migrations"
)

// A host migrates before it starts an engine, in every process: one of them
// does it.
func Example() {
	ctx := context.Background()
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	pool.SetMaxOpenConns(1)
	db := bun.NewDB(pool, sqlitedialect.New())

	fmt.Println(migrations.Check(ctx, db))
	fmt.Println(migrations.Migrate(ctx, db))
	fmt.Println(migrations.Check(ctx, db))

	states, err := migrations.Status(ctx, db)
	for _, state := range states {
		fmt.Println(state.Name, state.Applied(), err)
	}
	// Output:
	// the database is not migrated: main (sqlite) lacks 0001_jobs: run jobctl migrate up (or migrations.Migrate)
	// <nil>
	// <nil>
	// 0001_jobs true <nil>
}

// Where no program may change tables, an administrator runs the script, and the
// engine finds the tables made.
func ExampleSQL() {
	script, err := migrations.SQL(migrations.PostgreSQL, migrations.Up)
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "CREATE TABLE") {
			fmt.Print(line)
		}
	}
	// Output:
	// CREATE TABLE IF NOT EXISTS job_system_migrations (
	// CREATE TABLE IF NOT EXISTS job_system_jobs (
	// CREATE TABLE IF NOT EXISTS job_type_lock (
}
