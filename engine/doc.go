// Package engine runs durable, step-by-step jobs that are kept in the
// application's own database: SQLite, PostgreSQL, MySQL or MariaDB, through Bun.
//
//	eng, err := engine.New(db, engine.Config{})
//	...
//	err = eng.Register(Report(store))
//	...
//	job, err := eng.Enqueue(ctx, Month{Month: "2026-10"}, engine.Name("October"))
//	...
//	err = eng.Run(ctx) // until ctx ends
//
// Handlers are written with the package steps; the tables are made by the
// package migrations.
//
// # What it guarantees
//
// One job of a type is processing at a time, across all processes and machines
// on one database. A completed step's record is in the database before the next
// step begins, and the step does not run again. A job whose process died is
// settled by any engine on the same database, at most a lease and a heartbeat
// after its death; its record is kept, and Resume goes on from there. A step
// that was under way may run again: see the package steps.
//
// # Using it in a transaction
//
// [Engine.With] returns a [Client] that works in the caller's own transaction,
// so that a job is enqueued exactly if the transaction commits.
//
// # Imports
//
// This package may import model, steps and progress, and bun; no driver.
package engine
