// Package steps is for writing the handler of a job type: an ordered list of weighted
// steps, declared before anything runs. An engine (package engine) runs it, and makes
// each step durable in the application's database.
//
// This guide leads from the first step to undoing one. The package example ("Guide") puts
// its lines together into one job that runs. Each option also has an example of its own.
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
// [Add] appends a step with an output, which later steps read with [Step.Output]. [Do]
// appends a step without an output. Steps run one after the other. When a step returns
// without an error, its record (name, times and output) is committed to the database
// before the next step begins. A step that is recorded as completed does not run again:
// a job that failed, was cancelled or whose process died continues with the first step
// that is not completed. [DefineFunc] makes the list of steps for each job from its
// input.
//
// A step runs at least once: it runs again if its process dies after its effect and
// before its record. Pass [Run.IdempotencyKey] to other systems so that they can
// recognize a repetition.
//
// # Progress and checkpoints
//
//	run.Progress(page, pages, "page %d of %d", page, pages)
//	if err := run.Checkpoint(ctx, page); err != nil {
//		return err
//	}
//
// [Run.Progress] is advisory: it is kept in memory, written about once a second, and
// never makes progress fall. Use [Run.Report] in a step that has phases of its own, or
// that knows how long it will still take. [Run.Checkpoint] is durable when it returns: a
// step that runs again reads it with [Run.LastCheckpoint]. To work on items one after the
// other, use [Each], which does both:
//
//	return steps.Each(ctx, run, rows, insert, steps.Total(n), steps.ItemNoun("rows"))
//
// The remaining time is estimated by earlier jobs, see package progress. [Size] declares how
// much a step has to do before it begins; otherwise that is the total of [Run.Progress].
//
// A step's context ends when the job is cancelled, the engine shuts down or the lease is
// lost; [context.Cause] returns which: [ErrCancelled], [ErrShutdown] or [ErrLeaseLost].
// The step must return soon after that, with any error. A step that returns no error has
// completed, even if its context has ended.
//
// # Failing and skipping
//
//	steps.Do(d, "charge", charge, steps.Timeout(time.Minute), steps.Retry(5, time.Second))
//	steps.Do(d, "gift", wrap, steps.When(isGift, "it is no gift"))
//
// [Retry] tries a failed step again after growing delays, unless its error is
// [Permanent]. [Timeout] limits each attempt, and [JobTimeout] all steps together. [When]
// skips a step, and its record says why.
//
// # Waiting
//
//	steps.Sleep(d, "cool down", time.Hour)
//	approval := steps.AwaitSignal[Order, Approval](d, "approve", steps.Timeout(24*time.Hour))
//
// A job that waits is scheduled: it holds no lock, no goroutine and no connection, and
// other jobs of its type can run. When the wait is over, any engine that has the type
// continues the job. A cancel reaches it at once. [SleepUntil] waits for a time.
// [AwaitSignal] waits for a signal, sent with the engine's Signal method; its payload is
// the step's output.
//
// # Groups and child jobs
//
//	both := steps.Parallel(d, "both", steps.MaxParallel(2))
//	steps.Do(both, "mail", mail)
//	steps.Do(both, "text", text)
//	steps.ChildJobs(d, "parcels", parcels) // jobs of other types, and waits for them
//
// The members of a group ([Parallel]) run at the same time, each with its own record.
// [ChildJobs] enqueues jobs and waits until they have ended; their results are the step's
// output.
//
// # Transactions
//
//	steps.InTx(d, "book", func(ctx context.Context, tx steps.Tx, run *steps.Run[Order]) (int, error) {
//		return 1, insertBooking(ctx, tx)
//	})
//
// The function's own writes and the step's record commit in one transaction: they take
// effect exactly once.
//
// # Undo
//
//	steps.Add(d, "reserve", reserve, steps.Undo(release))
//
// When the job fails or is cancelled, its completed steps are undone in reverse order.
// Each undo function gets the output that its step recorded. [UndoOn] limits this to
// failed or to cancelled jobs.
//
// # Crashes
//
// If its process dies, a job fails and keeps its record; a resume continues it. With
// [ResumeOnCrash] it is resumed automatically. If it would do harm to run a step again,
// give it [Verify], which finds out whether the effect of the interrupted attempt has
// happened, or [StopOnCrash]: then a person decides, and resumes the job with the
// engine's RerunFrom or SkipStep.
//
// # Changing a definition
//
//	d := steps.Define[Order](steps.Removed("warm cache"))
//	steps.Add(d, "read", read, steps.WasNamed("extract"))
//	steps.Add(d, "measure", measure, steps.Version(1), steps.Migrate(0, fromKilobytes))
//
// Jobs that have begun continue with the new definition. A new step after those that are
// done, and another weight or option, need no declaration. Declare a renamed step with
// [WasNamed], a removed one with [Removed], and an output of another shape with [Version]
// and [Migrate]. Everything else does not fit: a record of an unknown step, an output that
// does not decode, a new step before one that is done, a step that waits for something
// else. That is found before anything runs: the job fails, and its record stays as it was.
// The engine's DryRun (jobctl resume --dry-run) shows in advance which steps would be
// skipped and run, and its RerunFrom runs a job again from a step on.
//
// During a rolling deploy, engines with the old and the new definition run side by side. A
// job that does not fit the definition of one of them is left to the others for some time
// before it fails (the engine's Config.DeployWindow). So is a job that has not run a step
// yet which the definition of the engine lacks: an old engine does not end a job without
// a step that the new definition has added. A removed step is declared with [Removed] also
// for that, or jobs that have not run it yet wait for that time before they go on.
//
// # Testing
//
//	h := testutil.NewHarness(t, definition)
//	h.Enqueue(Order{Items: 2})
//	h.Kill(testutil.AfterStep("price"))
//	h.Resume()
//	status := h.Run()
//
// Package testutil runs a definition in a test. It kills, stops or cancels a job at any
// moment, skips waits, sends signals and makes steps fail. Its CrashEverywhere crashes the
// process at each of its writes. In a testing/synctest bubble time is virtual, so that
// weeks of waiting take no time.
//
// # Imports
//
// This package knows no database; it imports bun only for the type of a transaction. It
// may import the standard library, the packages model, progress and steps/plan, bun and
// uuid.
package steps
