// Package bench measures the job system beside what it is measured by: the
// bare driver on the same database in the same run, and the other durable job
// systems for Go that keep their state in a database. It prints one table.
//
//	cd testutil/bench
//	go test -count=1 -v -run TestTable .            # all of it, some minutes
//	go test -count=1 -v -run TestTable . -smoke     # about a minute: does it still work
//	go test -count=1 -v -run TestTable . -db postgres -only ours,floor -workloads many,long -cpuprofile cpu.out
//
// It is a module of its own, so that none of what it needs enters the
// product's dependencies. The servers are private ones of package testutil,
// durable (fsync, full_page_writes and synchronous_commit on); the SQLite files
// are in the temporary folder, which TMPDIR names, and which must not be in
// memory. What is missing or fails is said in the table in place of a number.
//
// # What is measured
//
// Jobs whose steps do nothing, each step's record durable before the next step
// begins. The jobs are enqueued before; the clock runs from where the first step
// begins to where the database shows the last job as finished. Every run then asserts that all
// jobs have succeeded with all their steps recorded.
//
//   - many: 2,000 jobs of 5 steps, over 100 types: 100 run at once.
//   - alone: 200 jobs of 5 steps and of one type, so one at a time: what a step
//     takes that shares its transactions with no other.
//   - long: 1 job of 1,000 steps, one after the other.
//   - hot: 2,000 jobs of 1 step and of one type, so one at a time.
//
// And with nothing else to do, the time from before the call that enqueues a job
// to its first step's begin, the median and the 99th percentile:
//
//   - first: in one process.
//   - burst: of two jobs of different types, enqueued one right after the other,
//     the first and the second, each from before its own call.
//   - process: from another process, on PostgreSQL. A child process takes the
//     time by the machine's clock and enqueues; the parent, whose engine has
//     dsn's Listener, takes the time of the step's begin.
//
// -workloads names those to measure.
//
// # The columns
//
// "tx/step (statements)" is what the database itself counts for each step from
// the workers' start to their stop: transactions that were committed, those of
// reads included, and statements without BEGIN and COMMIT. The harness's own
// questions are taken off.
//
//   - PostgreSQL: pg_stat_database.xact_commit, and the calls in
//     pg_stat_statements. Those slow everything by some percent, so they are
//     counted in the workload alone only, and with -statements in all.
//   - MariaDB: the trx_..._commits of innodb_metrics, and the Com_... of the
//     global status for SELECT, INSERT, UPDATE, DELETE and REPLACE.
//   - SQLite: its trace hook (sqlite3_trace_v2), which it calls as a statement
//     begins. One outside of BEGIN and COMMIT is a transaction.
//
// "KB/step" is what the process allocated on Go's heap from the first step's
// begin to the end, for each step. SQLite's own memory is not on it, nor is a
// server's.
//
// The column "ours/it" divides our figure by that line's figure (for latency
// the other way round): above 1 we are faster.
//
// # The floor
//
// What the bare driver reaches: single-row UPDATE commits on one connection
// and from 16 goroutines with 16 connections; and rows per second of one
// statement for 100 rows on one connection, with a number to set ("batch"), with
// a step's record to set in a JSON document ("batch of records", on PostgreSQL),
// and last with the engine's own statement, which sets two records and the rest
// of a step's columns in the engine's own table ("our statement"). It is what a
// journal with one writer could do if everything else were free.
//
// For the workload long there is a record set in a document of as many records,
// one after the other ("a record of 1000"): a step's record is in its job's
// document before the next step begins, and that is what it takes. For latencies
// there is the INSERT of a row and its UPDATE, two commits: the enqueue's and the
// claim's.
//
// The engine's statement is not to be had from outside of it: for that line runs,
// as a child process with a server of its own, the store's benchmark
//
//	go test -run xxx -bench BenchmarkFlush/postgres/rows=100/statement ./engine/internal/store
//
// in which the bare driver runs the prepared statement with arguments that were
// made before. Beside it, rows=100/flush is the same by the store.
//
// # What bounds it
//
// Seen by profiles, on two cores that server, engine and harness share:
//
//   - many: the processors. The server takes two thirds of what is busy, for the
//     update of a row of 1 KB with its log, and the engine one third, flat: no
//     function of it has more than some percent. Batches save commits, so the
//     slower the disk, the larger the lead over systems that commit each step:
//     with 0.17 ms for an fsync 2.5 to 2.8 times River on PostgreSQL and 3.7 to
//     4.2 on SQLite, with 0.5 ms 4.2 times on PostgreSQL.
//   - many on MariaDB: the statement. A plain UPDATE of numbers is 40 % of it,
//     JSON_SET 35 %, and choosing each row's values 25 %; joins and a statement for
//     each row are slower by half.
//   - long: the document. A step that ends and the next one's begin are two records,
//     and the databases walk (PostgreSQL) or parse (SQLite, MariaDB) all of a
//     document to set one: two thirds of a step at 1,000 records. A row for each
//     step, as others have it, costs the same at any length; it is what one reads
//     the record of a job from that this system chose otherwise.
//   - hot and latencies: the commits, and waking. Between two jobs of a type lies
//     one transaction of one statement; a server takes 0.12 ms to execute it, the disk
//     as much again, and the rest is for processes and goroutines to wake each other.
//     To a first step there are two commits, the enqueue's and the claim's.
//
// # What others do not have
//
// What a step costs as its job gets longer, and a claim as the backlog grows, has
// nothing to be compared with but itself:
//
//	go test -run xxx -bench StepCost ./engine
//	go test -run xxx -bench Claim -timeout 30m ./engine/internal/store    # fills tables with a million rows
//
// # The peers' settings
//
// Each has the fastest of the settings that its own documentation offers and
// that keep a finished step over a power cut.
//
//   - River: 100 workers, FetchCooldown 1 ms and FetchPollInterval 10 ms (100 ms
//     and 1 s by default: they cost it up to a second), no job timeout, a pool of
//     -riverpool connections. A step is a ResumableStep with ResumableSetStepTx
//     in a transaction of its own, the only durable step River has; the last
//     step has none, since the job's completion (batched by River) covers it. It
//     records the name of the last step done, no outputs or times. One job at a
//     time is a queue with one worker. On SQLite one connection, as River's
//     documentation asks, with synchronous FULL.
//   - DBOS: twice. "queue": enqueued before, a queue without limits polled every
//     10 ms (1 s by default); it does an eighth of the workload hot. "direct":
//     RunWorkflow from 100 goroutines, which no queue holds up, and whose
//     enqueueing is part of what is measured. A pool of -dbospool connections.
//     DBOS runs SQLite with synchronous NORMAL, which may lose the last steps at a
//     power cut; "FULL" is the same with that put right. It has a pool of ours,
//     since DBOS sets the first connection of its own to NORMAL whatever its
//     DSN says.
//   - go-workflows: its monoprocess backend (in-process wake-ups instead of
//     polling), 16 pollers for workflows and activities each, 32 connections to
//     PostgreSQL (one to SQLite, as it sets itself), and an executor cache that holds every
//     workflow. It does a quarter of the jobs, and rates are compared.
//     Its SQLite backend sets no synchronous, so it has the driver's FULL.
package bench
