// Package faults makes the environment of package proof's workers fail, and proves that the
// workers lose nothing, do nothing twice and continue by themselves afterwards: the
// database is killed, its disk full, its connections cut, stalled or rejected, its clock
// set; processes are frozen, networks cut.
//
//	cd testutil/proof
//	go test ./faults            # each fault some times
//	go test ./faults -times 20  # more often
//
// With -v it ends with a table of what was tried, and what was found.
package faults
