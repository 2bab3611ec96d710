// Package execution runs jobs. [Runs] holds the runs of an engine: one run, in a goroutine
// of its own, for each job that the engine has claimed.
//
// A run keeps in memory what its row will contain (state), changes it as steps begin and
// end, and lets the journal write it. A step's record is in the database before the next
// step begins. An ending describes how a run ends; every function that may end the run
// returns an ending, or nil to continue. How records change is decided by package plan,
// which needs no database.
//
// A run's lock guards its state. It is held only to read or change the state, and never
// during a call of the host's code or of the database. Lock order: the lock of [Runs], then
// a run's lock, then the journal's.
//
// It may import the packages store, pause, lease, journal, model, progress, steps and
// steps/plan, bun for the type of a transaction, uuid and the standard library. It reaches
// the packages above it only through the interfaces [Jobs] and [Dispatch].
//
// The files, from the lowest up. A file refers only to those before it.
//
//	history.go                how the steps of earlier jobs went
//	config.go                 what runs need
//	clock.go                  the database's time
//	worktime.go               how long a job has worked
//	stopwatch.go              how long a process ran
//	message.go                the progress message
//	signs.go                  the signs of progress of a step
//	changes.go                which parts of the state must be written
//	stops.go                  why a run ends early
//	child.go                  a job that a step has enqueued
//	ending.go                 how a run ends
//	decision.go               how a run was declared to end
//	state.go                  what the row will contain
//	run.go                    one attempt of one job
//	decided.go                whether a run was declared to end
//	weights.go                how much each step counts
//	session.go                the engine's side of a steps.Run
//	outcome.go                from errors and decisions to the run's end
//	timeout.go                the time limit of one attempt
//	wait.go                   steps that wait for a time or a signal
//	children.go               steps that wait for other jobs
//	retry.go                  between two attempts
//	intx.go                   an attempt in a transaction
//	before_first_attempt.go   whether a step runs at all
//	attempt.go                the attempts of one step
//	undo.go                   undoes completed steps
//	group.go                  steps that run at the same time
//	step.go                   one step, and the begin of the next
//	leave.go                  jobs that are left to engines with another definition
//	execute.go                all steps of a job
//	runs.go                   the runs of an engine
package execution
