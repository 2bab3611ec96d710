package dsn_test

import (
	"context"
	"fmt"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

func ExampleOpen() {
	db, err := dsn.Open(context.Background(), "sqlite://:memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	fmt.Println(db.Dialect().Name())
	// Output: sqlite
}

func ExampleRedact() {
	fmt.Println(dsn.Redact("postgres://ann:p%40ss@db.example.com/app?sslmode=verify-full"))
	fmt.Println(dsn.Redact("postgres://ann:p@ss/word@db.example.com/app")) // the / ends the host too early
	// Output:
	// postgres://ann:xxxxx@db.example.com/app?sslmode=verify-full
	// postgres://(malformed, not shown)
}

// A listener wakes an engine on PostgreSQL; other databases have none.
func ExampleNewListener() {
	for _, text := range []string{"postgres://app@localhost/app", "sqlite://jobs.db"} {
		listener, err := dsn.NewListener(text)
		fmt.Println(listener != nil, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}
