// Package migrations creates the tables of the job system, job_system_jobs and
// job_type_lock, and updates them to the version that this module's code needs,
// on SQLite, PostgreSQL, MySQL and MariaDB.
//
// A host calls [Migrate] when it deploys or starts; any number of processes may
// call it at the same time. An engine calls [Check] when it starts and returns
// its error if the tables are older than it needs. [Status] lists the migrations
// and which are applied, [Rollback] rolls them back, and [SQL] prints the same
// statements for sites where only an administrator may change tables.
//
// # Where the tables are
//
// The tables are in the namespace that the connection uses: on PostgreSQL the
// current schema (the first of search_path that exists), on MySQL and MariaDB
// the current database, on SQLite the main database. Tables of the same names
// elsewhere are neither read nor changed. Applied migrations are recorded beside
// them in job_system_migrations, a table of bun/migrate under a name of our own.
//
// # Failures
//
// A migration that fails, or whose process is killed, does not count as applied,
// and the next Migrate completes it. PostgreSQL and SQLite roll back the part
// that was done. MySQL and MariaDB cannot, so every step there is repeatable. If
// a table or an index has one of our names but is not ours, the functions return
// [ErrUnexpectedSchema] before they change anything. Tables of other programs
// are never dropped.
//
// Only one process at a time migrates. It holds a lock of the database that ends
// with the session that holds it, so a process that died does not block the
// others: an advisory lock on PostgreSQL, GET_LOCK on MySQL and MariaDB, the
// write lock of the file on SQLite. (In a cluster that accepts writes on several
// nodes, such as Galera, each node has its own GET_LOCK: migrate through one
// node.)
//
// # What a new version may change
//
// During a deployment, engines of the old and the new version work on the same
// database, and the deployment may be rolled back without rolling back the
// migrations. So a new version is deployed after its migrations, and may
//
//   - add nullable columns, columns with a default, tables, and indexes that
//     reject no row;
//   - add keys to the objects in the columns data and signals. A version that does
//     not know a key keeps it as long as the object exists: keys beside a job's
//     input are kept by a restart, and a record that is replaced by a resume from
//     an earlier step takes its keys into the history. A checkpoint has no other
//     keys;
//   - give a step, or its undo, a new status, for example for a new kind of wait.
//     A version that does not know the status runs nothing of such a job, returns
//     an error that says so, and leaves the record unchanged.
//
// A new version does not change the meaning of anything that exists, removes
// nothing, and adds no status of a job. Whether the recorded steps of a job match
// another version of the host's definition is a separate question: see package
// steps.
//
// # For code that works on the tables
//
// A job can be enqueued with SQL: an INSERT into job_system_jobs needs type and data
// only. The default id is a UUIDv7, which sorts by time with those of the engine.
//
// PostgreSQL and SQLite use a partial index only for a query that repeats its
// condition with literals: status = 'scheduled' AND deleted_at IS NULL, not
// status = $1.
//
// # Imports
//
// It may import the standard library, bun, bun/schema, bun/migrate and
// bun/dialect (the names of dialects): no driver, no implementation of a dialect,
// and of this module package model.
package migrations
