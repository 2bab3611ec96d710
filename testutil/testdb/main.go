package testdb

import (
	"fmt"
	"os"
	"testing"
)

// Main runs the tests of a package and then ends the servers, so that nothing is left when
// the process ends:
//
//	func TestMain(m *testing.M) { testdb.Main(m) }
//
// Without it the servers end too, but shortly after the process. Package testing sets the
// exit code when TestMain returns.
func Main(m *testing.M) {
	m.Run()
	if err := processKeeper.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testdb: take the test servers down:", err)
	}
}
