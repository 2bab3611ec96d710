// Package journal writes the rows of an engine's runs. It is the only writer of all of
// them.
//
// A run keeps its whole state in memory. It has an [Entry] in the journal, and marks it
// when there is something to write. A flush writes all marked entries in one transaction
// (group commit). Entries that are marked during a flush are written by the next one; on a
// database server that may begin before the first has finished. So a step that waits for
// its record never waits for a timer, and after a failed flush the next one writes the
// newest state.
//
// Every write carries the run's attempt and a number of its own: the fence. A fenced
// write, one that changed no row, means that another engine took the job over, or that an
// earlier flush took effect although its result was lost.
//
// A flush that ends runs also claims the next jobs of their types. If its result is lost,
// it is uncertain whether jobs were claimed: [Journal.Reconcile] finds them when nothing
// is in flight.
//
// Entries are safe for concurrent use. The methods of [Journal] that flush are not: only
// one goroutine, the dispatcher's, calls them.
//
// It may import the packages store, pause, model and steps/plan, backoff, and the standard
// library. It reaches the packages above it only through the interfaces [Run] and
// [Claims].
//
//	entry.go       what one run writes, and who waits for that
//	journal.go     the marked entries of all runs
//	uncertain.go   uncertain claims, and fenced writes
//	flush.go       group commit
package journal
