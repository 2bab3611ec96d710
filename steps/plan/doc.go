// Package plan holds what an engine needs of a definition: the plan of one job, and
// the rules about its records that need no database.
//
// It is for engines: the engine of this module, and adapters to other systems. Authors
// of steps use package steps instead, which is built on this one. The package makes no
// promise to stay compatible from one version to the next.
//
// # Use
//
//	p, err := plan.Of(definition, data.Input) // the steps of one job
//	m := p.Match(data, limits)                // its records, matched with the steps
//	if err := m.Err(); err != nil {
//		return err // an ErrDrift: the records do not fit, so nothing may run
//	}
//	if p.Lacks(data) != "" {
//		// another version of the definition has begun the job, and had this step
//	}
//	data.Steps = m.Records
//	i := plan.Next(data.Steps, -1)            // the first step that is not done
//	plan.Begin(&data, i, now)
//	output, err := p.Steps[i].Run(ctx, session)
//	p.Steps[i].Complete(&data.Steps[i], output, now)
//
// [Plan.Forecast] says what a run would do without doing it, [Resume] makes the changes
// of a resume, and [Interrupt] those of a crash. The engine implements [Session], through
// which a running step reports progress and makes checkpoints.
//
// # Rules
//
// The functions change only the values that they are given. They start no goroutine that
// outlives the call, and read no clock: the caller passes the time. They are safe for
// concurrent use as long as their arguments are not shared.
//
// # Files
//
// The files in order; each calls only those above it.
//
//	errors.go       why a step's context ends
//	guard.go        calls of the host's code
//	retry.go        delays between attempts
//	session.go      the engine's side of a step's Run
//	plan.go         Plan, Step and Group
//	output.go       checks of outputs, results and signals
//	record.go       how a step's record changes as the step begins and ends
//	wait.go         what a waiting step waits for
//	undo.go         which steps are undone, in which order
//	match.go        matches the records of earlier runs with the plan
//	forecast.go     what a resume would do
//	interrupt.go    how a job changes after its process died
//	resume.go       Resume, and why it cannot be done
//	rewind.go       goes back to a step, or skips one
//	resume_edit.go  what a resume changes in a job's row
//
// # Imports
//
// It may import the standard library, package model, bun for the type of a transaction,
// uuid and backoff.
package plan
