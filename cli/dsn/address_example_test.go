package dsn_test

import (
	"fmt"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// A path may have characters that mean something in an address.
func ExampleFile() {
	fmt.Println(dsn.File("/var/lib/app/50%.db"))
	// Output: sqlite:///var/lib/app/50%25.db
}

func ExampleHasSecret() {
	fmt.Println(dsn.HasSecret("postgres://ann:secret@localhost/app"), dsn.HasSecret("jobs.db"))
	// Output: true false
}

func ExampleWithDatabase() {
	text, err := dsn.WithDatabase("postgres://ann@localhost/app?sslmode=disable", "app_test")
	fmt.Println(text, err)
	// Output: postgres://ann@localhost/app_test?sslmode=disable <nil>
}
