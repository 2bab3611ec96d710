// Package capture keeps what a command writes, for tests: [Stream] for its output,
// and on Linux Screen for what stands on a terminal.
//
// # Imports
//
// Of this module capture imports nothing; else libraries for tests and system
// calls. Only tests import it.
//
// # Files
//
// Lowest first; a file calls only those before it:
//
//	colour.go        a line without its colours
//	stream.go        a writer that a test can wait on
//	screen_linux.go  a terminal
package capture
