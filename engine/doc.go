// Package engine runs durable, step-by-step jobs that are stored in the application's own
// database: SQLite, PostgreSQL, MySQL or MariaDB, through Bun.
//
//	eng, err := engine.New(db, engine.Config{})
//	...
//	err = eng.Register(Report(store))
//	...
//	job, err := eng.Enqueue(ctx, Month{Month: "2026-10"}, engine.Name("October"))
//	...
//	err = eng.Run(ctx) // until ctx ends
//
// Handlers are written with package steps, whose documentation is a guide. Package
// migrations creates the tables. How the engine works inside is described in the files of
// engine/doc.
//
// # What to call
//
//   - [Engine.Register] and [Engine.Run] run jobs. A program that only enqueues or shows
//     jobs needs neither.
//   - [Client.Enqueue] and [Client.EnqueueMany] create jobs.
//   - [Client.Status], [Client.List], [Client.Wait] and [Client.Types] show jobs, for an API
//     or a page. [Client.Job], [Client.RunningJob] and [Client.LatestJob] return rows.
//   - [Client.Cancel], [Client.Resume], [Client.Restart], [Client.Delete] and
//     [Client.Signal] control a job; [Client.DryRun] shows what a resume would do.
//     [Client.Succeed] and [Client.Fail] end a running job from outside its steps, wherever
//     it runs.
//   - [Engine.WithTx] does any of this in the caller's transaction.
//   - [Client.Redacted] hides secrets in everything that it returns.
//
// # The contract
//
// This is what the engine guarantees, each point with the tests that prove it. The tests of
// the module testutil/proof kill, freeze and cut off real processes and servers, and check
// the tables and what the steps themselves have logged.
//
// Jobs:
//
//   - A job that Enqueue has returned is not lost. A job that was enqueued in a transaction
//     exists exactly if the transaction commits
//     (TestWorkersKilledAtRandomMoments, TestEnqueueInTheCallersTransaction).
//   - Of several jobs of one type with one idempotency key, only one is created, whichever
//     processes enqueue them (TestOfManyEnqueuesWithOneKeyThereIsOneJob).
//   - At most one job of a type is processing at a time, across all processes and machines
//     on one database (TestManyEnginesRunEachJobOnceAndNeverTwoOfAType,
//     TestWorkersKilledAtRandomMoments, TestTheUniqueIndexRejectsASecondRun).
//   - The jobs of a type run in the order in which they are due, except those that do not
//     fit the definition of the engine that has the type: see below
//     (TestJobsOfOneTypeNeverOverlapAndRunInOrder).
//   - A job has one of five statuses, which change only as [model.Status] documents
//     (TestStatusesMoveOnlyAsDocumented).
//
// Steps:
//
//   - The record of a completed step is committed before the next step begins
//     (TestAStepsRecordIsDurableBeforeTheNextBegins).
//   - A step that is recorded as completed does not run again, unless a resume names it or
//     an earlier step; its record does not change (TestWorkersKilledAtRandomMoments,
//     TestAProcessMayDieAtEachOfItsStatements).
//   - A step runs at least once: it can run again if its process dies after its effect and
//     before its record (TestHarnessKillBeforeRecordMakesTheStepRunAgain).
//   - What a step of steps.InTx writes takes effect exactly once, together with its record,
//     or not at all (TestAJobKilledAroundItsCommitHasItsEffectOnceOrNotAtAll).
//   - After a call of Checkpoint has returned, the next attempt finds that checkpoint
//     (TestAKillLosesNoMoreThanTheItemsSinceTheLastCheckpoint).
//   - Progress never falls (TestProgressFollowsTheWeightsAndNeverFalls).
//
// Failures:
//
//   - A job whose process died is settled by any live engine on the database that has its
//     type, a lease and a heartbeat later at most: it becomes failed and keeps its record,
//     to be resumed by a person, or is resumed automatically if its definition says so
//     (TestAnotherEngineGoesOnWithinALeaseAndAHeartbeat,
//     TestAKilledEnginesJobFailsWithItsRecordAndIsResumed). If no live engine has its type,
//     other engines settle it after about four leases and a minute
//     (TestAKilledEnginesJobIsFinallySettledByEnginesWithoutItsType).
//   - The job of a live engine is never settled by another one
//     (TestRecoveryNeverTouchesALiveEnginesJob).
//   - After another engine has taken a job over, writes of the first run have no effect,
//     however late it makes them (TestALateWriteOfALostRunIsRejected).
//   - While the database is not available, steps wait, and they continue when it is
//     available again (TestStepsWaitForTheEndOfAnOutageAndLoseNothing).
//   - If the result of a commit is lost, its writes are neither lost nor made twice
//     (TestALostAnswerLosesAndDoublesNothing).
//   - A row that the database rejects delays no job of another type
//     (TestABadRowBlocksNoOtherType).
//   - Leases and due times are measured by the database's clock, never by a host's
//     (TestRenewingExtendsTheLeaseByTheDatabasesClock).
//
// Faults: all of the above holds during each of these faults, however long it lasts, and
// after it all types continue without help:
//
//   - processes are killed between any two statements, including those of a migration, and
//     at random moments (TestAProcessMayDieAtEachOfItsStatements,
//     TestAMigrationMayDieAtEachOfItsStatements, TestWorkersKilledAtRandomMoments);
//   - a process is suspended for longer than its lease and then continues
//     (TestAWorkerIsFrozenForLongerThanItsLease), also in the middle of a step's
//     transaction (TestAWorkerIsFrozenInTheMiddleOfATransaction);
//   - the server is killed, stopped for longer than a lease, or read-only, or its disk is
//     full (TestTheDatabaseIsKilledAndStartedAgain, TestTheDiskIsFullForAWhile,
//     TestTheDatabaseIsStoppedForLongerThanALease, TestTheDatabaseIsReadOnlyForAWhile);
//   - connections are refused, ended, reset, cut, stalled or slowed, and the server or the
//     pool has none left (TestConnectionsAreCutStalledAndSlowed,
//     TestConnectionsAreRejected, TestTheDatabaseEndsItsConnections,
//     TestTheServerIsOutOfConnections, TestTheHostTakesAllConnections);
//   - the network between an engine and its database is cut, for a while or for good
//     (TestTheNetworkIsCut);
//   - the clocks of hosts and database are hours apart, and the database's clock is changed
//     (TestTheClocksAreAnHourApart, TestTheDatabasesClockSteps);
//   - deadlocks, serialization failures and lock timeouts occur
//     (TestARivalLocksRowsInTheWrongOrder), and many processes write to one SQLite file
//     (TestManyProcessesWriteToOneFile);
//   - all of this happens for hours, and nothing grows (TestASoakLeavesNothingBehind).
//
// People:
//
//   - A job becomes cancelled only when its handler has returned
//     (TestCancelWaitsForARunningJob). If a cancel and the end of the last step coincide,
//     the end of the step counts (TestACancelDuringTheEndOfTheLastStepLoses).
//   - Whatever people and engines do to a job at the same time, it ends in a documented way
//     (TestCancelRacesWithTheClaim, TestResumesAndRestartsRaceWithRecovery and the other
//     tests of races).
//   - During a rolling deploy, with engines of two versions of a definition, a job on which
//     one of them has worked is left to it by those whose definition it does not fit, for
//     [Config.DeployWindow]; until then it does not fail for that, and no step of it is left
//     out. Other jobs of the type run meanwhile, in the order in which they are due
//     (TestAnOlderEngineLeavesANewerOnesJobToIt, TestAJobIsLeftForABoundedTime,
//     TestABacklogDoesNotKeepALeftJobFromANewerEngine,
//     TestAFleetIsDeployedRolledBackAndDeployedAgainUnderLoad).
//   - An engine that stops hands its jobs over at their next boundary, which costs them no
//     attempt (TestAGracefulStopHandsTheJobOver,
//     TestAnEngineThatStopsUnderLoadLosesAndDoublesNothing).
//
// All of this requires that the database keeps what it has committed: SQLite with
// synchronous=FULL, which package dsn sets; PostgreSQL with fsync and synchronous_commit on,
// and MySQL and MariaDB with innodb_flush_log_at_trx_commit=1, which are their defaults.
//
// # What is not guaranteed
//
//   - A step's effect outside of the database does not happen exactly once. Pass
//     steps.Run.IdempotencyKey to the other system, so that it can recognize repetitions.
//   - Two runs of a step can overlap, if the first one keeps running after its process has
//     lost the lease, because it was suspended or ignores its context. Nothing that the
//     first one writes through its Run takes effect.
//   - There is no order between jobs of different types.
//   - During a rolling deploy it is not determined which version of a definition runs a job
//     that fits both. Begin a job with what both can read: a job that no engine has begun
//     fails if its input does not fit the definition of the engine that claims it.
//   - On SQLite no other transaction can write while a step of steps.InTx runs, so no lease
//     can be renewed. If that takes longer than a lease, the runs of other engines and types
//     lose their leases, as if their processes were cut off.
//   - If the database's clock jumps forward, leases expire early: jobs are settled as if
//     their engines had died, and nothing is lost or done twice. If it jumps back, recovery
//     and due jobs are delayed by as much.
//   - If a host disappears in the middle of a transaction without closing its connection,
//     its rows stay locked until the server considers the connection dead, by default after
//     hours. Configure the server to end idle transactions and dead connections:
//     idle_in_transaction_session_timeout and tcp_keepalives_idle on PostgreSQL,
//     idle_transaction_timeout on MariaDB, wait_timeout on MySQL.
//
// # Transactions
//
// [Engine.WithTx] returns a [Client] that works in the caller's own transaction, so that a
// job is enqueued exactly if the transaction commits.
//
// # Imports
//
// This package may import model, steps, steps/plan and progress, bun and uuid; no driver.
package engine
