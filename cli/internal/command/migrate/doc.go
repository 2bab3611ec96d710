// Package migrate has the commands that make, change, show and drop the tables.
//
// # Imports
//
// See the package command.
//
// # Files
//
// Lowest first; a file calls only those before it:
//
//	change.go   change the tables and print what has changed
//	up.go       migrate up
//	down.go     migrate down
//	status.go   migrate status
//	sql.go      migrate sql
//	migrate.go  the group of these commands
package migrate
