package testdb_test

import (
	"os"
	"testing"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// withoutMain is a variable that makes this program end like one that does not call Main.
const withoutMain = "JOBSYSTEM_TESTUTIL_WITHOUT_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(withoutMain) != "" {
		os.Exit(m.Run())
	}
	testdb.Main(m)
}
