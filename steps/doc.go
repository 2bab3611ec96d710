// Package steps is how a job's handler is written: as an ordered list of
// weighted steps, declared before anything runs.
//
// This guide goes from the first step to undoing one; the package example
// ("Guide") has its lines, complete and running. Each option has an example of
// its own.
//
// # Steps and outputs
//
//	d := steps.Define[Order]() // its input; Order.JobType() names the job type
//	price := steps.Add(d, "price", func(ctx context.Context, run *steps.Run[Order]) (int, error) {
//		return 3 * run.Input().Items, nil
//	}, steps.Weight(2))
//	steps.Do(d, "print", func(ctx context.Context, run *steps.Run[Order]) error {
//		return print(price.Output(run))
//	})
//
// [Add] appends a step that produces something, which later steps read with
// [Step.Output]; [Do] one that produces nothing. Steps run one after the other.
// When one returns without an error, its record - name, times, output - is in
// the database before the next begins, and it never runs again, whatever happens
// to the process: a job that failed, was cancelled or was killed goes on with
// the first step that is not recorded as completed. [DefineFunc] makes the steps for
// each job from its input.
//
// A step is at-least-once: it runs again when its process dies after its effect
// and before its record. [Run.IdempotencyKey] makes such an effect idempotent elsewhere.
//
// # Progress and checkpoints
//
//	run.Progress(page, pages, "page %d of %d", page, pages)
//	if err := run.Checkpoint(ctx, page); err != nil {
//		return err
//	}
//
// [Run.Progress] is advisory: kept in memory, written now and then, never
// falling; [Run.Report] is it for a step with phases of its own, or one that knows
// how long it will still take. [Run.Checkpoint] is durable when it returns: a step
// that runs again finds it with [Run.LastCheckpoint]. For items one after the other there
// is [Each], which does both:
//
//	return steps.Each(ctx, run, rows, insert, steps.Total(n), steps.ItemNoun("rows"))
//
// A step's context ends when the job is cancelled, the engine shuts down or the
// lease is lost; [context.Cause] tells which: [ErrCancelled], [ErrShutdown] or
// [ErrLeaseLost]. The step returns soon after that, with any error. One that
// returns no error has completed, whatever its context says.
//
// # Failing, and not running at all
//
//	steps.Do(d, "charge", charge, steps.Timeout(time.Minute), steps.Retry(5, time.Second))
//	steps.Do(d, "gift", wrap, steps.When(isGift, "it is no gift"))
//
// [Retry] tries again after growing delays, except after an error made
// [Permanent]; [Timeout] bounds each attempt, [JobTimeout] all steps together.
// [When] skips a step, and the record says why.
//
// # Waiting
//
//	steps.Sleep(d, "cool down", time.Hour)
//	approval := steps.AwaitSignal[Order, Approval](d, "approve", steps.Timeout(24*time.Hour))
//
// A job that waits is scheduled: it holds no lock, no goroutine and no connection,
// its type is free for others, and whichever engine is there goes on with it. A
// cancel reaches it at once.
// [SleepUntil] waits for a time, and [AwaitSignal] for a signal, sent with the engine's
// Signal, whose payload is the step's output.
//
// # Several at once
//
//	both := steps.Parallel(d, "both", steps.MaxParallel(2))
//	steps.Do(both, "mail", mail)
//	steps.Do(both, "text", text)
//	steps.ChildJobs(d, "parcels", parcels) // jobs of other types, and waits for them
//
// The members of a group ([Parallel]) run together, each with its own record.
// [ChildJobs] enqueues jobs; their results are the step's output.
//
// # Transactions
//
//	steps.InTx(d, "book", func(ctx context.Context, tx steps.Tx, run *steps.Run[Order]) (int, error) {
//		return 1, insertBooking(ctx, tx)
//	})
//
// What the function writes and the step's record commit together: exactly once.
//
// # Undo
//
//	steps.Add(d, "reserve", reserve, steps.Undo(release))
//
// When the job fails or is cancelled, the completed steps are undone, the last
// one first, each with the output it recorded. [UndoOn]
// says after which of the two.
//
// # Crashes
//
// A job whose process has died fails, with its record kept, and goes on by a
// resume; with [ResumeOnCrash] it goes on by itself. Where running a step again
// would do harm, [Verify] looks whether its effect happened, and [StopOnCrash]
// has a person look, who resumes with the engine's RerunFrom or SkipStep.
//
// # Changing code
//
//	d := steps.Define[Order](steps.Removed("warm cache"))
//	steps.Add(d, "read", read, steps.WasNamed("extract"))
//	steps.Add(d, "measure", measure, steps.Version(1), steps.Migrate(0, fromKilobytes))
//
// Jobs under way meet the new definition. A new step behind those that are done,
// and another weight or option, fit as they are. A step that was renamed says so
// with [WasNamed], one that is gone with [Removed], and an output of another
// shape with [Version] and [Migrate]. What does not fit - an unknown record, an
// output that does not decode, a new step before one that is done - is found
// before anything runs: the job fails, with its record as it was. The engine's
// DryRun (jobctl resume --dry-run) shows beforehand what would be skipped and
// run, and From has the job run again from a step on.
//
// # Testing
//
//	h := testutil.NewHarness(t, definition)
//	h.Enqueue(Order{Items: 2})
//	h.Kill(testutil.AfterStep("price"))
//	h.Resume()
//	status := h.Run()
//
// Package testutil kills, stops and cancels a job at any moment, skips waits,
// sends signals, has steps fail, and with CrashEverywhere has its process die
// at each of its writes. In a bubble of testing/synctest time is virtual: weeks of
// waiting pass in no time.
//
// # Imports
//
// This package knows no database; Bun is where the type of a transaction comes
// from. It may import the standard library, the packages model and progress, bun,
// uuid and backoff.
package steps
