// Package worker runs jobs: it is what an engine's Run starts.
//
// It has three goroutines beside one for each running job. The writer is the
// only one that changes what this engine owns: it writes the runs' records
// (the journal), claims jobs and settles runs whose lease has run out. The
// keeper renews the leases. The sweeper looks for what fell through. A fourth
// listens for notifications, where there are any. Their owner, [Worker.Run],
// stops them all.
//
// A run keeps its whole state in memory and marks itself dirty when there is
// something to write. The writer takes all dirty runs at once and writes them
// in one transaction; what becomes dirty meanwhile rides in the next one, which
// on a database server may begin before the first has landed. So there is no
// timer in the way of a step that waits for its record, and a failed write is
// repeated with whatever is newest.
//
// It may import the packages model, steps, progress and store.
package worker
