// Package cli is the command line of the job system, as a command tree that a
// host builds into a binary of its own, with its own job definitions:
//
//	func main() {
//		os.Exit(cli.Run(context.Background(), os.Args, cli.Options{
//			Name: "reports",
//			Register: func(r *cli.Registry) error {
//				return r.Register(Report(NewStore(r.DB())))
//			},
//		}))
//	}
//
// The command jobctl, in the folder of that name, is such a binary with the
// built-in definitions.
//
// # Commands
//
// enqueue, list, show, watch, signal, cancel, resume, restart, delete and types
// work on jobs; worker runs them; migrate makes the tables; version prints the build;
// demo, where the host has one, shows it all on one job. Each command's --help
// says the rest.
//
// Global flags are read before the command and after it: --dsn, or the
// environment's JOBSYSTEM_DSN, names the database (see the package dsn for the
// forms; the default is the SQLite file jobsystem.db in the current folder),
// --connect-timeout bounds the wait for the database to answer (10 s, or what the
// DSN says), and -o picks tables for people or JSON for programs. A job's JSON is that of
// [model.Job] from enqueue, and that of [model.JobView] from all others, with
// their snake_case keys; what is followed until it ends (watch, demo, --wait)
// is one JSON document a line.
//
// Results go to the standard output, everything else to the standard error.
// On a terminal times are relative and progress is drawn as bars; elsewhere
// times are RFC 3339 and progress is plain lines. Errors never hold the
// database's password. Commands that are proposed, to resume a job for example,
// repeat a --dsn, with xxxxx for its password.
//
// # Exit codes
//
//	0    success
//	1    the job failed or was cancelled, was deleted while it was followed, its
//	     status or its record does not allow what was asked for, or something
//	     else went wrong
//	2    wrong usage: an unknown command or flag, a value that cannot be used, a
//	     malformed DSN, a database whose tables are missing or not ours
//	3    there is no such job
//	4    the database cannot be reached or does not answer in time, rejects the
//	     connection, or was lost
//	130  ended by SIGINT or SIGTERM; a worker that could stop gracefully ends
//	     with 0
//
// # Tables
//
// The tables are made by "migrate up". On SQLite the commands that begin with
// nothing - enqueue, worker and demo - make the file and bring its tables up to
// date by themselves, and say so. On a server, where others depend on the
// tables, only demo and worker --migrate do. All other commands want the
// database to be there: a mistyped file name is an error and not a new, empty
// database.
//
// # Signals
//
// The first SIGINT or SIGTERM ends what is under way in good order: a worker
// stops claiming, gives its steps their grace and hands their jobs over. A
// second one makes [Run] return at once, with 130. That is the one case in
// which something may run on after Run has returned, so the caller should end
// the process; the jobs that ran are settled when their leases have run out.
//
// # Packages
//
//	cli                   Run, Options and Registry, for hosts
//	cli/dsn               opens a database by its DSN
//	cli/jobctl            the command jobctl
//	cli/internal/command  the command tree: a folder a noun, a file a verb
//	cli/internal/app      what every command stands on: the call, the open
//	                      database with an engine, arguments, exit codes
//	cli/internal/view     tables, bars, lines, hints: a model in, text out
//	cli/internal/capture  what a command writes, for tests
//
// The documentation of each internal package lists its files and what it may
// import. "list", for example, is parsed and run in command/job/list.go and
// printed by view/list.go.
//
// # Imports
//
// Of this module cli may import engine, steps, model, cli/internal/app and
// cli/internal/command, else Bun. It imports no examples: a host gives them
// through [Options].
package cli
