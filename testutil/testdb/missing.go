package testdb

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

// Missing skips a test that needs something this machine does not have, or fails it if
// nothing may be missing.
func Missing(t testing.TB, what string) {
	t.Helper()
	orSkip(t, fmt.Errorf("%s was %w: run make test, which installs it", what, errMissing))
}

// errMissing is wrapped by errors that say that a server is not on this machine.
var errMissing = errors.New("not found")

// errNoMySQL skips a test even if servers are required: Debian has no MySQL to install.
var errNoMySQL = errors.New("no MySQL to test on: set " + mysqlVariable)

// errLeftOut is wrapped by errors that say that a kind is not tested.
var errLeftOut = errors.New("is left out")

// orSkip ends the test if there is an error: it skips it if a server is only missing and
// not required, and fails it otherwise.
func orSkip(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if errors.Is(err, errNoMySQL) || errors.Is(err, errLeftOut) || errors.Is(err, errMissing) && os.Getenv(requireVariable) != "1" {
		t.Skip(err)
	}
	t.Fatal(err)
}
