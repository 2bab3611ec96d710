// Package testdb gives tests real databases: the job system's own tests, and
// those of a host that uses it.
//
//	func TestMain(m *testing.M) { testdb.Main(m) }
//
//	func TestReport(t *testing.T) {
//		t.Parallel()
//		testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
//			... // once on SQLite, once on PostgreSQL, once on MariaDB
//		})
//	}
//
// Every test gets a database of its own, so tests run in parallel. The servers
// are private: each test process starts what it needs from binaries found on
// the machine, on a free port of the loopback interface, with the data in a
// temporary folder. They end, and everything that they left is removed, also when
// the process is killed. A server that already runs on the machine is not touched.
// What is missing is skipped with a message that says what to do;
// testutil/install.sh (run by make test) installs it.
//
// The servers are durable (fsync is on), ask for a password, and are
// deliberately not in UTC, so that code that forgets time zones fails here and
// not at a customer's.
//
// # Environment
//
//	JOBSYSTEM_TEST_REQUIRE=1       a missing server fails the test instead of skipping it
//	JOBSYSTEM_TEST_KINDS=sqlite    the kinds to test on, separated by commas: sqlite,
//	                               postgres, mariadb, mysql; tests skip the others,
//	                               with a message, also where they are required
//	JOBSYSTEM_TEST_DIR=/dev/shm    the folder for databases, the system's temporary one
//	                               if it is not set: in memory they are several times
//	                               faster, and take some hundred MB for each test process
//	JOBSYSTEM_TEST_POSTGRES_DSN    use this server instead of a private PostgreSQL
//	JOBSYSTEM_TEST_MYSQL_DSN       use this server instead of a private MariaDB;
//	                               if it is a real MySQL: use it as well, named "mysql"
//
// The DSNs are those of package dsn and must name an existing database and a
// user who may create and drop databases; only databases created here
// (jobsystem_test_...) are touched.
//
// # Files
//
// Each refers only to those before it.
//
//	patience.go           how long to wait for a server
//	variable.go           the environment's variables
//	missing.go            skips or fails a test for what the machine does not have
//	kind.go               the kinds of databases, and which the environment chooses
//	account_unix.go       the user that a server runs as
//	killtree_unix.go      kills a server with its children
//	account_other.go      both, where there is no private server
//	keeper.go             the process that ends the servers after this one
//	host.go               makes and drops databases on a server
//	serveroption.go       what a test may choose of its own server
//	server.go             a private server: its folder, port and program
//	postgres.go           PostgreSQL's program
//	mariadb.go            MariaDB's program
//	template.go           data folders, made once and copied
//	process.go            starts, stops and kills a server
//	startserver.go        makes a server
//	migrated.go           databases with the newest tables
//	shared.go             the servers that all tests of this process use
//	main.go               ends them with the tests
//	clock.go              SQLite with the clock of a bubble
//	bubble.go             databases in a bubble
//	sqlite.go             SQLite files
//	database.go           a database for a test
//	eachdb.go             one of each kind
//	capability_linux.go   what only root may do
//	disk_linux.go         disks in memory
//
// It may import Bun and the drivers, the command's package dsn and this module's
// migrations. It keeps package-level state, the servers of this process and the
// functions of SQLite's virtual time; nothing but tests may import it.
package testdb
