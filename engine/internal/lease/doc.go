// Package lease renews the leases of an engine's runs, and ends the runs whose lease
// expires.
//
// A lease is an engine's right to run a job until a time, which is in the database in the
// lock of the job's type. [Renewer] extends all leases of an engine with one statement at
// each heartbeat. If a lease was not extended for its whole length, its run ends by the
// clock of this process, whether or not the database can be reached: from then on another
// engine may take the job over.
//
// It may import the packages store and pause, and the standard library.
//
//	lease.go     one lease
//	renewer.go   renews the leases of an engine
package lease
