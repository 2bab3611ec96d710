package testdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// Kind is a kind of database. Its text is the name of the subtests of EachDB.
type Kind string

// The kinds of database. MySQL is tested where JOBSYSTEM_TEST_MYSQL_DSN names
// one; no private MySQL is ever started.
const (
	SQLite   Kind = "sqlite"
	Postgres Kind = "postgres"
	MariaDB  Kind = "mariadb"
	MySQL    Kind = "mysql"
)

// Kinds returns the kinds on which EachDB runs a test. Some of them may be missing on this
// machine.
func Kinds(t testing.TB) []Kind {
	t.Helper()
	return slices.DeleteFunc(allKinds(t), func(k Kind) bool {
		err := chosen(k)
		if err != nil && !errors.Is(err, errLeftOut) {
			t.Fatal(err)
		}
		return err != nil
	})
}

// allKinds returns the kinds of Kinds and those that JOBSYSTEM_TEST_KINDS leaves out.
func allKinds(t testing.TB) []Kind {
	t.Helper()
	kinds := []Kind{SQLite, Postgres, MariaDB}
	given, err := givenMySQL()
	if err != nil {
		t.Fatalf("ask %s what it is: %v", mysqlVariable, err)
	}
	if given == MySQL {
		kinds = append(kinds, MySQL)
	}
	return kinds
}

// chosen returns an error for a kind that JOBSYSTEM_TEST_KINDS leaves out.
func chosen(kind Kind) error {
	text := os.Getenv(kindsVariable)
	if text == "" {
		return nil
	}
	kinds := strings.Split(text, ",")
	for _, name := range kinds {
		if !slices.Contains([]Kind{SQLite, Postgres, MariaDB, MySQL}, Kind(name)) {
			return fmt.Errorf("%s names %q, which is no kind of database", kindsVariable, name)
		}
	}
	if !slices.Contains(kinds, string(kind)) {
		return fmt.Errorf("%s %w: %s=%s", kind, errLeftOut, kindsVariable, text)
	}
	return nil
}

// givenMySQL returns the kind of the server in JOBSYSTEM_TEST_MYSQL_DSN, or "" if there is
// none.
var givenMySQL = sync.OnceValues(func() (Kind, error) {
	text := os.Getenv(mysqlVariable)
	if text == "" {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := dsn.Open(ctx, text)
	if err != nil {
		return "", err
	}
	defer db.Close()
	var version string
	if err := db.QueryRowContext(ctx, "SELECT version()").Scan(&version); err != nil {
		return "", fmt.Errorf("ask version: %w", err)
	}
	if strings.Contains(version, "MariaDB") {
		return MariaDB, nil
	}
	return MySQL, nil
})

// givenDSN returns the address of a server to use instead of a private one.
func givenDSN(kind Kind) (string, error) {
	if kind == Postgres {
		return os.Getenv(postgresVariable), nil
	}
	is, err := givenMySQL()
	if err != nil || is != kind {
		return "", err
	}
	return os.Getenv(mysqlVariable), nil
}
