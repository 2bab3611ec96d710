// Package dispatch decides what an engine does next: it claims due jobs, settles runs
// whose engine is gone, and lets the journal write.
//
// [Dispatcher.Run] is one loop in one goroutine. It alone claims jobs and flushes the
// journal, so that neither has to wait for the other's locks, and a failing database
// is asked for nothing else. Three things wake it: the journal, when a run has
// something to write; a [Dispatcher.Due] or [Dispatcher.Look] call, when a job may be
// due; and time, at each poll. Beside it, [Dispatcher.Listen] brings notifications of
// other processes, where there are any, and [Dispatcher.Sweep] looks once a minute for
// what the loop does not see.
//
// It may import the packages execution, journal, store, pause and plan, model, backoff
// and the standard library.
//
//	dispatcher.go   Dispatcher, and what wakes it
//	claim.go        claims due jobs
//	settle.go       settles runs whose engine is gone
//	poll.go         looks for due jobs and dead runs
//	listener.go     notifications
//	sweep.go        what the loop does not see
//	loop.go         the loop
package dispatch
