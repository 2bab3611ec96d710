// Package view turns what the commands know into what people read: tables, bars,
// lines and hints. A model goes in and text comes out; nothing here opens a
// database, reads a flag or decides an exit code. [Printer] is the one way to the
// standard output, for text and for JSON.
//
// # Imports
//
// Of this module view may import model and progress, else uuid and libraries that
// print. What comes from other packages, an engine's count of job types for
// example, has a plain struct here.
//
// # Files
//
// Lowest first; a file calls only those before it:
//
//	text.go           text from rows made fit for a line: clean, cut
//	shell_word.go     a text as one word of a shell
//	printer.go        the standard output: text or JSON, on a terminal or not
//	times.go          times: relative on a terminal, RFC 3339 elsewhere
//	table.go          rows under a header; labels with values
//	state.go          a job's status, progress and wait in a few words
//	list.go           list: the table of jobs
//	types.go          types: the table of job types
//	forecast.go       resume --dry-run: the table of steps
//	migrations.go     migrate: the table of migrations, and what was changed
//	build.go          version
//	enqueued.go       enqueue: the new job
//	signal.go         signal: what was sent, and what becomes of it
//	steps.go          show: the table of steps, with notes
//	children.go       show: the table of the steps' jobs
//	show.go           show: all of it
//	hint.go           show, watch: what to do about a job
//	outcome.go        cancel, resume, restart, delete: what the job is now
//	step_end.go       how a step ended, for bars and lines
//	json_lines.go     a job that is followed, as JSON
//	lines.go          the same as plain lines
//	bars_renderer.go  the lines of bars
//	bars.go           the same as bars on a terminal
//	live.go           which of these three the output gets
package view
