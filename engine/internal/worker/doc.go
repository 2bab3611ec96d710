// Package worker connects, starts and stops the parts of an engine, in order. It is
// what an engine's Run starts, and does nothing else.
//
// The parts, from the lowest up, are the packages store (SQL), lease (renewal and
// expiry), journal (writes rows), execution (runs) and dispatch (claims, polls, listens,
// sweeps).
//
// It may import these, package pause, and the standard library.
//
//	worker.go   all of it
package worker
