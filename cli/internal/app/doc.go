// Package app is what every command stands on: the call with its streams and
// global flags, the open database with an engine on it, the arguments and flags
// that several commands read, and the exit codes.
//
// # Imports
//
// Of this module app may import engine, migrations, model, cli/dsn and
// cli/internal/view, whose printer it carries; else Bun, uuid and libraries for
// command lines. It knows no single command.
//
// # Files
//
// Lowest first; a file calls only those before it:
//
//	host.go        what the host gives
//	user.go        the user of the operating system
//	secrets.go     passwords on the command line, hidden in all that is written
//	errors.go      the errors that decide the exit code
//	exit.go        the exit code of an error
//	call.go        one call: streams, name, notes
//	program.go     how a proposed command begins
//	finish.go      the last line of a call that failed, and its exit code
//	address.go     what a DSN says without connecting
//	lost.go        whether an error means that the database is gone
//	database.go    open the database, make or check its tables
//	session.go     an engine with the host's definitions on that database
//	follow.go      show a job until it ends
//	hint_data.go   what hints need to know from the engine
//	input.go       --data: JSON from the command line, a file, the standard input
//	arguments.go   arguments of a command
//	suggestion.go  the flag that a mistyped one may mean
//	usage.go       what is wrong with a command line
//	flags.go       global flags, and flags that several commands have
//	arrange.go     a command line in the order that the library reads
//	action.go      parse, then run: the two halves of a command
package app
