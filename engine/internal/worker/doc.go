// Package worker is what an engine's Run starts: it puts the parts of an engine
// together, starts them, and stops them in order. It does nothing else.
//
// The parts are, from the lowest up, the packages store (SQL), lease (renewal and
// expiry), journal (writes rows), execution (runs) and dispatch (claims, polls,
// listens, sweeps).
//
// It may import these, pause, and the standard library.
//
//	worker.go   all of it
package worker
