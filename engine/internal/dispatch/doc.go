// Package dispatch decides what an engine does next: it claims due jobs, settles the runs
// of dead engines, and makes the journal write.
//
// [Dispatcher.Run] is one loop in one goroutine. Only the loop claims jobs and flushes the
// journal, so that neither waits for the other's locks, and nothing else is sent to a
// database that fails. Three things wake the loop: the journal, when a run has something
// to write; a call of [Dispatcher.Due] or [Dispatcher.PollNow], when a job may be due; and
// time, at each poll. Two more goroutines run beside it: [Dispatcher.Listen] receives
// notifications of other processes, if there is a listener, and [Dispatcher.Sweep] finds,
// once a minute, what the loop does not see.
//
// It may import the packages execution, journal, store, pause, model and steps/plan,
// uuid, and the standard library.
//
// The files, from the lowest up:
//
//	left.go         jobs that are left to engines with another definition
//	dispatcher.go   Dispatcher, and what wakes it
//	claim.go        claims due jobs
//	settle.go       settles the runs of dead engines
//	poll.go         finds due jobs and dead runs
//	listener.go     receives notifications
//	sweep.go        finds what the loop does not see
//	loop.go         the loop
package dispatch
