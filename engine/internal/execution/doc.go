// Package execution runs jobs: one [Runs] for an engine, one run for each job that the
// engine has claimed, in a goroutine of its own.
//
// A run keeps in memory what its row is going to hold (state), changes that as steps
// begin and end, and lets the journal write it. A step's record is in the database
// before the next step begins. How a run ends is an ending; every function that may end
// it returns one, and nil to continue. What becomes of records is decided by package
// plan, which knows no database.
//
// A run's lock guards its state. It is held for no longer than a look at it or a change
// of it, and never while the host's code or the database is waited for. Lock order: the
// lock of [Runs] or that of the journal's marks, then a run's; never the other way.
//
// It may import the packages store, pause, lease, journal, model, progress, steps and
// steps/plan, bun for the type of a transaction, uuid and the standard library. Higher
// rooms are reached through the interfaces [Jobs] and [Dispatch] only.
//
// The files, from the lowest rung up. A file refers only to those before it.
//
//	config.go                 what runs need
//	clock.go                  the database's time
//	worktime.go               how long a job has worked
//	stopwatch.go              how long a process ran
//	message.go                what people read
//	history.go                how long steps took before
//	changes.go                what is to be written
//	stops.go                  why a run ends early
//	child.go                  a job that a step has enqueued
//	ending.go                 how a run ends
//	state.go                  what the row is going to hold
//	run.go                    one attempt of one job
//	session.go                the engine's side of a steps.Run
//	outcome.go                from errors and decisions to the run's end
//	timeout.go                bounds of one attempt
//	wait.go                   steps that wait for a time or a signal
//	children.go               steps that wait for other jobs
//	retry.go                  between two attempts
//	intx.go                   an attempt in a transaction
//	before_first_attempt.go   whether a step runs at all
//	attempt.go                the attempts of one step
//	undo.go                   undoes completed steps
//	group.go                  steps that run at the same time
//	step.go                   one step, and the begin of the next
//	execute.go                all steps of a job
//	runs.go                   the runs of an engine
package execution
