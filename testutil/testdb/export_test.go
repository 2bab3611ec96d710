package testdb

import "os"

// NothingInstalled, set in the environment together with an empty PATH, makes a test
// process find no server.
const NothingInstalled = "JOBSYSTEM_TESTUTIL_NOTHING_INSTALLED"

func init() {
	if os.Getenv(NothingInstalled) != "" {
		debianPostgres, beyondPath = "", nil
	}
}

// Root is the folder of all servers of this process.
func Root() string { return processKeeper.keeper.root }
