// Package faults has the world around the workers of package proof go wrong, and
// proves that they lose nothing, do nothing twice and go on by themselves once
// it is well again: the database is killed, its disk full, its connections cut,
// stalled or refused, its clock moved; processes are frozen, networks cut.
//
//	cd testutil/proof
//	go test ./faults            # each fault some times
//	go test ./faults -times 20  # more often
//
// With -v it ends with a table of what was tried, and what was found.
package faults
