// Package job has the commands that work on jobs: enqueue, list, show, watch,
// signal, cancel, resume, restart, delete and types.
//
// # Imports
//
// See the package command.
//
// # Files
//
// Lowest first; a file calls only those before it:
//
//	follow.go        follow a job to its end: watch, and --wait of others
//	control.go       what cancel, resume, restart and delete share
//	resume_error.go  the errors of a resume in the words of the command line
//	enqueue.go       enqueue
//	list.go          list
//	show.go          show
//	watch.go         watch
//	signal.go        signal
//	cancel.go        cancel
//	dry_run.go       resume --dry-run
//	resume.go        resume
//	restart.go       restart
//	delete.go        delete
//	types.go         types
package job
