// Package plan is the part of a definition that engines work with: the plan of one
// job, and the rules about its records that need no database.
//
// An author of steps does not need it: package steps is written on top of it. It is
// for engines, the one of this module and adapters to others, and gives no promise to
// stay as it is from one version to the next.
//
// What is here changes nothing but the values it is given, starts no goroutine that
// outlives the call, and reads no clock: the caller passes the time. A function is
// safe for concurrent use as long as its arguments are not shared.
//
// The files, from the lowest rung up. A file calls only those before it.
//
//	errors.go       why a step's context ends
//	guard.go        calls of the host's code
//	retry.go        delays between attempts
//	session.go      the engine's side of a step's Run
//	plan.go         Plan, Step and Group
//	output.go       checks of outputs, results and signals
//	record.go       what becomes of a record as its step begins and ends
//	wait.go         what a waiting step waits for
//	undo.go         which steps are undone, in which order
//	match.go        the records of earlier runs matched with the plan
//	forecast.go     what a resume would do
//	interrupt.go    what becomes of a job whose process died
//	resume.go       Resume, and why it cannot be done
//	rewind.go       goes back to a step, or skips one
//	resume_edit.go  what a resume changes in a job's row
//	history.go      typical durations
//
// It may import the standard library, the package model, bun for the type of a
// transaction, uuid and backoff.
package plan
