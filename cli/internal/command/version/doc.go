// Package version has the command version, which says how the binary was made.
//
// # Imports
//
// See the package command.
//
// # Files
//
//	version.go  version
package version
