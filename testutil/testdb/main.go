package testdb

import (
	"fmt"
	"os"
	"testing"
)

// Main runs the tests of a package and then takes the servers down, so that
// nothing is left when the process ends:
//
//	func TestMain(m *testing.M) { testdb.Main(m) }
//
// Without it the servers go too, but a moment after the process. The exit code
// is set by package testing when TestMain returns.
func Main(m *testing.M) {
	m.Run()
	if err := processKeeper.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb: take the test servers down:", err)
	}
}
