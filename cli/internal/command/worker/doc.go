// Package worker has the command worker, which runs jobs.
//
// # Imports
//
// See the package command.
//
// # Files
//
//	worker.go  worker
package worker
