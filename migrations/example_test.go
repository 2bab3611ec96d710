package migrations_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite"

	"github.com/ntxdev/jobsystem/migrations"
)

// newEmptyDB returns a new SQLite database in memory.
func newEmptyDB() *bun.DB {
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	pool.SetMaxOpenConns(1)
	return bun.NewDB(pool, sqlitedialect.New())
}

// A host calls Migrate in every process before it starts an engine; one of the
// processes migrates.
func Example() {
	ctx, db := context.Background(), newEmptyDB()
	defer db.Close()
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

// Two job systems share a database: each engine has its TablePrefix in its Config.
func ExampleTablePrefix() {
	ctx, db := context.Background(), newEmptyDB()
	defer db.Close()
	for _, prefix := range []string{"crm_", "billing_"} {
		if err := migrations.Migrate(ctx, db, migrations.TablePrefix(prefix)); err != nil {
			fmt.Println(err)
		}
	}
	var tables []string
	err := db.NewRaw("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%\\_jobs' ESCAPE '\\' ORDER BY name").Scan(ctx, &tables)
	fmt.Println(tables, err)
	fmt.Println(migrations.Check(ctx, db))
	// Output:
	// [billing_job_system_jobs crm_job_system_jobs] <nil>
	// the database is not migrated: main (sqlite) lacks 0001_jobs: run jobctl migrate up (or migrations.Migrate)
}

// Where only an administrator may change tables, the administrator runs the
// script.
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

// Any number of processes may call Migrate at the same time.
func ExampleMigrate() {
	ctx, db := context.Background(), newEmptyDB()
	defer db.Close()
	fmt.Println(migrations.Migrate(ctx, db))
	fmt.Println(migrations.Migrate(ctx, db)) // there is nothing to do
	// Output:
	// <nil>
	// <nil>
}

// An engine calls Check before it starts.
func ExampleCheck() {
	ctx, db := context.Background(), newEmptyDB()
	defer db.Close()
	fmt.Println(errors.Is(migrations.Check(ctx, db), migrations.ErrNotMigrated))
	// Output: true
}

func ExampleStatus() {
	ctx, db := context.Background(), newEmptyDB()
	defer db.Close()
	states, err := migrations.Status(ctx, db)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(states[0].Name, states[0].Applied())
	// Output: 0001_jobs false
}

// Rollback drops the two tables with all jobs.
func ExampleRollback() {
	ctx, db := context.Background(), newEmptyDB()
	defer db.Close()
	fmt.Println(migrations.Migrate(ctx, db))
	fmt.Println(migrations.Rollback(ctx, db))
	fmt.Println(errors.Is(migrations.Check(ctx, db), migrations.ErrNotMigrated))
	// Output:
	// <nil>
	// <nil>
	// true
}

func ExampleDatabases() {
	fmt.Println(migrations.Databases())
	// Output: [sqlite postgres mysql mariadb]
}
