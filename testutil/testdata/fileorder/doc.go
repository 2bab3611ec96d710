// Package fixture has a list of files that does not hold.
//
//	twice.go   is listed twice
//	early.go   refers to what late.go declares
//	gone.go    does not exist
//	late.go    declares it
//	twice.go   is listed twice
//
//	callback: called, Kind.callback   early.go may refer to these
//	callback: unused, a, b, c, d
package fixture
