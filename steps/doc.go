// Package steps is how a job's handler is written: as an ordered list of
// weighted steps, declared before anything runs.
//
//	type Month struct {
//		Month string `json:"month"`
//	}
//
//	func (Month) JobType() string { return "reports:monthly" }
//
//	func Report(store *Store) *steps.Definition[Month] {
//		report := steps.Define[Month]()
//		extract := steps.Add(report, "extract", func(ctx context.Context, run *steps.Run[Month]) (Totals, error) {
//			return store.Totals(ctx, run.Input().Month, func(page, pages int) {
//				run.Progress(page, pages, "page %d of %d", page, pages)
//			})
//		}, steps.Weight(7))
//		steps.Do(report, "deliver", func(ctx context.Context, run *steps.Run[Month]) error {
//			return store.Mail(ctx, run.Key(), extract.Output(run))
//		})
//		return report
//	}
//
// # What a step may rely on
//
// Steps of a job run one after the other. When a step returns without an
// error, its record - name, times, output - is in the database before the next
// one begins, and a step with such a record never runs again, whatever happens
// to the process: a job that failed, was cancelled or was killed goes on with
// the first step that is not recorded as completed.
//
// A step is at-least-once: it runs again when its process dies after the
// step's effect and before its record. [Run.Key] is a stable key for making
// such an effect idempotent in the outside world.
//
// # Progress and checkpoints
//
// [Run.Progress] is advisory: it is kept in memory, written now and then,
// cannot fail and never falls. [Run.Checkpoint] is durable when it returns: a
// step that runs again finds its last checkpoint with [Run.Resume].
//
// # Waiting
//
// A step of [Sleep], [SleepUntil], [Await] or [Children] waits while its job is
// scheduled: the job holds no lock, no goroutine and no connection, its type is
// free for others, and whichever engine is there when what it waits for has come
// goes on with it. A cancel reaches it at once.
//
// # Being stopped
//
// A step's context ends when the job is cancelled, when the engine shuts down,
// and when the job's lease is lost; [context.Cause] tells which: [ErrCancelled],
// [ErrShutdown] or [ErrLeaseLost]. A step returns soon after that, with any
// error. A step that returns no error has completed, whatever its context says.
//
// # Plans that depend on the input
//
// [Build] makes the steps for each job from its input: one step per region,
// say. The plan stands before the first step runs, and the same input must give
// the same plan.
//
// # Imports
//
// This package knows no database; Bun is where the type of a transaction comes
// from. It may import the standard library, the package model, bun, uuid and
// backoff.
package steps
