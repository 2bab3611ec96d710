package testdb

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ntxdev/jobsystem/cli/dsn"
)

// Kind is a kind of database. Its text names the subtests of EachDB.
type Kind string

// The kinds of database. MySQL is tested where JOBSYSTEM_TEST_MYSQL_DSN names
// one; no private MySQL is ever started.
const (
	SQLite   Kind = "sqlite"
	Postgres Kind = "postgres"
	MariaDB  Kind = "mariadb"
	MySQL    Kind = "mysql"
)

const (
	requireVariable  = "JOBSYSTEM_TEST_REQUIRE"
	postgresVariable = "JOBSYSTEM_TEST_POSTGRES_DSN"
	mysqlVariable    = "JOBSYSTEM_TEST_MYSQL_DSN"
)

// Kinds are the kinds that EachDB runs a test on. Some of them may turn out to
// be missing on this machine.
func Kinds(t testing.TB) []Kind {
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

// givenMySQL is what the server in JOBSYSTEM_TEST_MYSQL_DSN is, or "" if there
// is none.
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

// givenDSN is the address of a server to use instead of a private one.
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
