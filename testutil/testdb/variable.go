package testdb

// The variables of the environment; see the package.
const (
	requireVariable  = "JOBSYSTEM_TEST_REQUIRE"
	postgresVariable = "JOBSYSTEM_TEST_POSTGRES_DSN"
	mysqlVariable    = "JOBSYSTEM_TEST_MYSQL_DSN"
	kindsVariable    = "JOBSYSTEM_TEST_KINDS"
	dirVariable      = "JOBSYSTEM_TEST_DIR"
)
