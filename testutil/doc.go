// Package testutil tests the definitions of a host that uses the job system.
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
// It skips waits ([Harness.SkipWait]), sends signals ([Harness.Signal]) and makes
// steps fail ([Harness.FailStep]). [CrashEverywhere] runs a job repeatedly, and its
// process dies at another of its writes each time.
//
// Package testdb has the databases: real ones of each kind, for a harness and for
// any other test.
//
//	func TestMain(m *testing.M) { testutil.Main(m) }
//
//	func TestReport(t *testing.T) {
//		t.Parallel()
//		testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
//			h := testutil.NewHarness(t, Report(store), testutil.OnDB(db))
//			... // once on SQLite, once on PostgreSQL, once on MariaDB
//		})
//	}
//
// # Virtual time
//
// In a bubble of testing/synctest the job and the database of a harness use the
// bubble's time, which passes at once while nothing is done: waits of weeks,
// long delays and timeouts take no real time, and exactly as long as they say.
//
//	synctest.Test(t, func(t *testing.T) {
//		h := testutil.NewHarness(t, Trial(store)) // sleeps 30 days, then awaits an approval for 7
//		h.Enqueue(Customer{ID: 1})
//		status := h.Run()
//		require.Equal(t, 37*24*time.Hour, status.FinishedAt.Sub(status.CreatedAt.Time))
//	})
//
// It needs SQLite, in memory by default, or for [OnDB] a database from
// [testdb.Open] within the bubble: the clock of SQLite is then the bubble's,
// in the host's own statements too. Steps must not wait for anything outside
// of the bubble, for example a real server: no time passes then. The harness stops
// its engine while the job waits, and the time that a job waits does not count for
// [Within]. An engine that runs needs real time, about half a second for an hour.
//
// It may import Bun and the drivers, the packages testdb and wire, the command's
// package dsn, and this module's engine, model, steps and migrations. Nothing but
// tests may import it.
package testutil
