// Package proof shows that no job is lost, no work is done twice that must be done once,
// and nothing stays stuck, however the processes that run jobs end.
//
//	cd testutil/proof
//	go test -v .                                    # a sample of the points, some kills
//	go test -v -timeout 90m . -every -kills 1000    # every point, 1,000 kills on each database
//	go test -v . -scenarios '^run intx' -every      # every point of a scenario
//	go test -v . -seed 1795660299648926022          # the sample of another run, which has said its seed
//
// With -v it prints a table: what was done to a process, how often, what was lost, done
// twice or stuck, and the longest time until all had ended nevertheless.
//
// Its parts:
//
//   - [Fleet] starts this test binary again as worker processes, and kills,
//     stops, freezes and thaws them.
//   - [Kind] are the definitions that workers run. What each of their jobs ends
//     as is known beforehand: [Kind.Want].
//   - [Ledger] is where each process notes what its steps do, apart from the
//     product's tables, by one clock for all processes of a machine.
//   - [Watch] reads the two tables again and again while workers work.
//   - [Check] proves by the tables, what the watch has seen and the ledgers that
//     all is as it must be, and says what is not.
//
// The worker processes need [Main]:
//
//	func TestMain(m *testing.M) { proof.Main(m) }
//
// It is a module of its own, so that what it needs stays out of the product's
// dependencies. Linux only: the ledgers rely on its CLOCK_MONOTONIC. Nothing but
// tests may import it.
package proof
