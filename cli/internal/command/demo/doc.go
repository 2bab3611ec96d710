// Package demo has the command demo, which makes the tables, enqueues a job, runs
// it and shows it, and continues it when it was killed.
//
// # Imports
//
// See the package command.
//
// # Files
//
// Lowest first; a file calls only those before it:
//
//	job.go   the host's job, and a demo that runs
//	say.go   what it says to people
//	find.go  the job to run: a new one, or the last one resumed
//	run.go   the engine beside the view of the job
//	demo.go  demo
package demo
