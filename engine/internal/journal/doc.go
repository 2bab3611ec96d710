// Package journal writes the runs' rows: one writer for all runs of an engine.
//
// A run keeps its whole state in memory and has an [Entry] here, which it marks when
// there is something to write. A flush takes all marked entries at once and writes
// them in one transaction (group commit); what is marked meanwhile rides in the next
// one, which on a database server may begin before the first has finished. So there is
// no timer in the way of a step that waits for its record, and a failed flush is
// repeated with whatever is newest.
//
// Every write carries the run's attempt and a number of its own: the fence. A write
// that the fence keeps out means that the run was taken over, or that an earlier flush
// took effect and its answer was lost.
//
// A flush that ends runs also claims the next jobs of their types. When its answer is
// lost, it is uncertain whether jobs were claimed: [Journal.Reconcile] looks for them
// once nothing is in flight.
//
// Entries are safe for concurrent use. The methods of [Journal] that flush are not:
// one goroutine, the dispatcher's, calls them.
//
// It may import the packages store, pause and plan, model, and the standard library.
// Higher rooms are reached through the interfaces [Run] and [Claims] only.
//
//	entry.go       what of one run is written, and who waits for that
//	journal.go     the marked entries of all runs
//	uncertain.go   claims that may have taken effect, and writes that were fenced
//	flush.go       group commit
package journal
