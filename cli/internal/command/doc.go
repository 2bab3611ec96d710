// Package command is the command tree. Each command is a file: a folder is named
// for the noun that it works on, a file for the verb, so that list is in
// job/list.go and migrate up in migrate/up.go.
//
// # A command
//
// Such a file has three parts, in this order:
//
//   - a function that returns the command: its name, help and flags;
//   - parse, which reads flags and arguments into a request and touches nothing
//     else; what it returns as an error is wrong usage;
//   - run, which opens what it needs with the package app, works, and prints what
//     the package view makes of the result: as JSON or for people.
//
// A new command is such a file and a line in tree.go. A new column is in the
// package view, in the file of its table.
//
// # Imports
//
// Of this module the packages here may import cli/internal/app and
// cli/internal/view, and engine, migrations and model; else the library for
// command lines, Bun and uuid.
//
// # Files
//
// Lowest first; a file calls only those before it:
//
//	tree.go  the tree with its help; reads a command line and runs its command
//
// The folders stand below it; job, worker, migrate, demo and version do not know
// each other.
package command
