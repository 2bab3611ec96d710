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
// # The contract
//
// What holds, each with the tests that hold it. Those of the module
// testutil/proof kill, freeze and cut off real processes and servers, and judge by
// the tables and by what the steps themselves wrote down.
//
// Jobs:
//
//   - A job that Enqueue has returned is not lost, and one that is enqueued in a
//     transaction is there exactly if that commits
//     (TestWorkersKilledAtRandomMoments, TestEnqueueInTheCallersTransaction).
//   - Of jobs of one type with one idempotency key there is one, whoever enqueues
//     (TestOfManyEnqueuesWithOneKeyThereIsOneJob).
//   - One job of a type is processing at a time, across all processes and machines
//     on one database (TestManyEnginesRunEachJobOnceAndNeverTwoOfAType,
//     TestWorkersKilledAtRandomMoments, TestTheUniqueIndexRejectsASecondRun).
//   - The jobs of a type run in the order in which they are due
//     (TestJobsOfOneTypeNeverOverlapAndRunInOrder).
//   - A job has one of five statuses, and moves between them as [model.Status]
//     documents (TestStatusesMoveOnlyAsDocumented).
//
// Steps:
//
//   - A completed step's record is committed before the next step begins
//     (TestAStepsRecordIsDurableBeforeTheNextBegins).
//   - A step with a completed record does not run again, unless somebody asks for
//     that by name; its record does not change (TestWorkersKilledAtRandomMoments,
//     TestAProcessMayDieAtEachOfItsStatements).
//   - A step runs at least once: it can run again if its process dies after its
//     effect and before its record (TestHarnessKillBeforeRecordMakesTheStepRunAgain).
//   - What a step of steps.InTx writes is there once, together with its record, or
//     not at all (TestWhateverIsKilledAroundItsCommitHasItsEffectOnceOrNotAtAll).
//   - A checkpoint that has returned is found by the next attempt
//     (TestAKillLosesNoMoreThanTheItemsSinceTheLastCheckpoint).
//   - Progress never falls (TestProgressFollowsTheWeightsAndNeverFalls).
//
// Failures:
//
//   - A job whose process died is settled by any engine on the database that is
//     alive and has its type, at most a lease and a heartbeat later: failed with its
//     record, to be resumed, or going on where its definition says so
//     (TestAnotherEngineGoesOnWithinALeaseAndAHeartbeat,
//     TestAKilledEnginesJobFailsWithItsRecordAndIsResumed). Where nobody has its type
//     any more, others settle it some four leases and a minute later
//     (TestAKilledEnginesJobIsSettledByEnginesWithoutItsTypeInTheEnd).
//   - A live engine's job is never settled by another
//     (TestRecoveryNeverTouchesALiveEnginesJob).
//   - A run that was taken over writes nothing more, however late it wakes up
//     (TestALateWriteOfALostRunIsRefused).
//   - While the database is away, steps wait for it, and go on when it is back
//     (TestStepsWaitForADatabaseThatIsAwayAndLoseNothing).
//   - A commit whose answer is lost is neither lost nor doubled
//     (TestALostAnswerLosesAndDoublesNothing).
//   - One row that the database refuses holds up no other job
//     (TestABadRowHoldsUpNoMoreThanItsType).
//   - Leases and due times are by the database's clock, never by a host's
//     (TestRenewingExtendsTheLeaseByTheDatabasesClock).
//
// Faults, under each of which, and for as long as it lasts, all of the above holds,
// and after which all types go on by themselves:
//
//   - processes killed between any two statements, a migration's among them, and at
//     random moments (TestAProcessMayDieAtEachOfItsStatements,
//     TestAMigrationMayDieAtEachOfItsStatements, TestWorkersKilledAtRandomMoments);
//   - a process frozen for longer than its lease, and woken
//     (TestAWorkerIsFrozenForLongerThanItsLease), also in the middle of a step's
//     transaction (TestAWorkerIsFrozenInTheMiddleOfATransaction);
//   - the server killed, or stopped for longer than a lease, or read-only, its disk
//     full (TestTheDatabaseIsKilledAndStartedAgain, TestTheDiskIsFullForAWhile,
//     TestTheDatabaseIsStoppedForLongerThanALease, TestTheDatabaseIsReadOnlyForAWhile);
//   - connections refused, ended, reset, cut, stalled or slowed, and none left in the
//     server or in the pool (TestConnectionsAreCutStalledAndSlowed,
//     TestConnectionsAreRefused, TestTheDatabaseEndsItsConnections,
//     TestTheServerIsOutOfConnections, TestTheHostTakesAllConnections);
//   - the network cut between an engine and its database, for a while or for good
//     (TestTheNetworkIsCut);
//   - clocks of hosts and database hours apart, and the database's stepping
//     (TestTheClocksAreAnHourApart, TestTheDatabasesClockSteps);
//   - deadlocks, serialization failures and lock timeouts
//     (TestARivalLocksRowsInTheWrongOrder), and many processes that write to one
//     SQLite file (TestManyProcessesWriteToOneFile);
//   - hours of all that, without anything that grows (TestASoakLeavesNothingBehind).
//
// People:
//
//   - A job is cancelled only when its handler has returned
//     (TestCancelWaitsForARunningJob); a cancel that comes after the last step's
//     end loses against it (TestACancelThatComesWithTheLastStepsEndLosesAgainstIt).
//   - Whatever people and engines do to a job at once, it ends in a documented way
//     (TestCancelRacesWithTheClaim, TestResumesAndRestartsRaceWithRecovery and the
//     other tests of races).
//   - An engine that stops hands its jobs over at their next boundary, and that
//     costs them no attempt (TestAGracefulStopHandsTheJobOver,
//     TestAnEngineThatStopsUnderLoadLosesAndDoublesNothing).
//
// This holds as long as the database keeps what it has committed: SQLite with
// synchronous=FULL, which package dsn sets; PostgreSQL with fsync and
// synchronous_commit on, and MySQL and MariaDB with
// innodb_flush_log_at_trx_commit=1, which they have by default.
//
// What does not hold:
//
//   - A step's effect outside of the database is not exactly once: see
//     steps.Run.IdempotencyKey, which the other side can tell repetitions by.
//   - The code of a step that runs on while its process has lost the lease - it was
//     frozen, or does not look at its context - can overlap with that of the run
//     which took over. Nothing that it writes through its Run is kept.
//   - Jobs of different types are in no order.
//   - On SQLite a step of steps.InTx keeps everybody else from writing, and so from
//     renewing leases: one that takes longer than a lease has the runs of other
//     engines and types lose theirs too, as if their processes were cut off.
//   - A step of the database's own clock forward ends leases early: jobs are settled
//     as if their engines had died, and nothing is lost or doubled. One back delays
//     recovery, and what is due, by as much.
//   - A host that vanishes without a word in the middle of a transaction leaves its
//     rows locked until the server takes its connection for dead, which can take
//     hours by default: have servers end idle transactions and dead connections
//     (idle_in_transaction_session_timeout and tcp_keepalives_idle on PostgreSQL,
//     idle_transaction_timeout on MariaDB, wait_timeout on MySQL).
//
// # Using it in a transaction
//
// [Engine.WithTx] returns a [Client] that works in the caller's own transaction,
// so that a job is enqueued exactly if the transaction commits.
//
// # Imports
//
// This package may import model, steps and progress, and bun; no driver.
package engine
