package testdb_test

import (
	"os"
	"testing"

	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// withoutMain, in the environment, has this program end as one that forgot Main.
const withoutMain = "JOBSYSTEM_TESTUTIL_WITHOUT_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(withoutMain) != "" {
		os.Exit(m.Run())
	}
	testdb.Main(m)
}
