package migrations_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/ntxdev/jobsystem/migrations"
)

// emptyDB is a SQLite database in memory.
func emptyDB() *bun.DB {
	pool, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	pool.SetMaxOpenConns(1)
	return bun.NewDB(pool, sqlitedialect.New())
}

// As many processes as like may do so at once.
func ExampleMigrate() {
	ctx, db := context.Background(), emptyDB()
	defer db.Close()
	fmt.Println(migrations.Migrate(ctx, db))
	fmt.Println(migrations.Migrate(ctx, db)) // there is nothing to do
	// Output:
	// <nil>
	// <nil>
}

// Check is what an engine asks before it starts.
func ExampleCheck() {
	ctx, db := context.Background(), emptyDB()
	defer db.Close()
	fmt.Println(errors.Is(migrations.Check(ctx, db), migrations.ErrNotMigrated))
	// Output: true
}

func ExampleStatus() {
	ctx, db := context.Background(), emptyDB()
	defer db.Close()
	states, err := migrations.Status(ctx, db)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(states[0].Name, states[0].Applied())
	// Output: 0001_jobs false
}

// All jobs go with the tables; nothing else does.
func ExampleRollback() {
	ctx, db := context.Background(), emptyDB()
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
