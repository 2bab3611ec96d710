// Package lease keeps the leases of an engine's runs: what one is, how it is renewed,
// and what happens when it expires.
//
// A lease is an engine's right to run a job, until a time that the lock of the job's
// type has in the database. [Renewer] extends all leases of an engine in one statement
// at each heartbeat. A run whose lease was not extended for as long as it lasts ends by
// itself, without being told: another engine may take the job over from then on.
//
// It may import the packages store and pause, and the standard library.
//
//	lease.go     one lease
//	renewer.go   renews those of an engine
package lease
