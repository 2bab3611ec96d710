// Package testutil gives tests real databases: the job system's own tests, and
// those of a host that uses it.
//
//	func TestMain(m *testing.M) { testutil.Main(m) }
//
//	func TestReport(t *testing.T) {
//		t.Parallel()
//		testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
//			... // once on SQLite, once on PostgreSQL, once on MariaDB
//		})
//	}
//
// Every test gets a database of its own, so tests run in parallel. The servers
// are private: each test process starts what it needs from binaries found on
// the machine, on a free port of the loopback interface, with the data in a
// temporary folder, and takes them down with everything they left, also when
// it is killed. A server that already runs on the machine is not touched.
// What is missing is skipped with a message that says what to do;
// testutil/install.sh (run by make test) installs it.
//
// The servers are durable (fsync is on), ask for a password, and are
// deliberately not in UTC, so that code that forgets time zones fails here and
// not at a customer's.
//
// [Harness] runs a definition against a database in memory, stops, kills or
// cancels it at a moment that the test names, and shows the records:
//
//	h := testutil.NewHarness(t, Report(store))
//	h.Enqueue(Month{Month: "2026-10"})
//	h.Kill(testutil.AfterStep("extract"))
//	h.Resume()
//	status := h.Run()
//
// Waits need not be waited for ([Harness.SkipWait]), signals are sent
// ([Harness.Signal]), steps made to fail ([Harness.FailStep]); and
// [CrashEverywhere] has the process die at each of its writes.
//
// # Virtual time
//
// In a bubble of testing/synctest a harness has its job and its database live in
// the bubble's time, which passes at once where nothing is done: waits of weeks,
// long delays and timeouts take no time at all, and exactly as long as they say.
//
//	synctest.Test(t, func(t *testing.T) {
//		h := testutil.NewHarness(t, Trial(store)) // sleeps 30 days, then awaits an approval for 7
//		h.Enqueue(Customer{ID: 1})
//		status := h.Run()
//		require.Equal(t, 37*24*time.Hour, status.FinishedAt.Sub(status.CreatedAt.Time))
//	})
//
// It takes SQLite, in memory if nothing else is said, and for [OnDB] a database
// from [Open] within the bubble: the clock of SQLite is then the bubble's, in the
// host's own statements as well. Steps must not wait for what lies outside of the
// bubble, a real server say: no time passes then. The harness stops its engine
// while the job waits, and the time a job waits does not count for [Within]. An
// engine that runs costs real time, about half a second for an hour.
//
// # Environment
//
//	JOBSYSTEM_TEST_REQUIRE=1       a missing server fails the test instead of skipping it
//	JOBSYSTEM_TEST_POSTGRES_DSN    use this server instead of a private PostgreSQL
//	JOBSYSTEM_TEST_MYSQL_DSN       use this server instead of a private MariaDB;
//	                               if it is a real MySQL: use it as well, named "mysql"
//
// The DSNs are those of package dsn and must name an existing database and a
// user who may create and drop databases; only databases created here
// (jobsystem_test_...) are touched.
//
// It may import Bun and the drivers, the command's package dsn, and this
// module's engine, model, steps and migrations. It keeps package-level state,
// the servers of this process and the functions of SQLite's virtual time; nothing but tests may import it.
package testutil
