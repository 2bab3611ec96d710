// Package migrations makes the tables of the job system, job_system_jobs and
// job_type_lock, and keeps them at the version this module's code needs: on
// SQLite, PostgreSQL, MySQL and MariaDB.
//
// A host calls [Migrate] when it deploys or starts; as many processes as like
// may do so at once. An engine calls [Check] and starts on nothing older than
// it needs. [Status] tells what is applied, [Rollback] undoes, and [SQL] prints
// the same statements for an administrator who lets no program change tables.
//
// # Where the tables are
//
// In what the connection works in: on PostgreSQL the current schema (the first
// of search_path that exists), on MySQL and MariaDB the current database, on
// SQLite the main database. Tables of the same names elsewhere are neither seen
// nor touched. What has been applied is recorded beside them, in
// job_system_migrations, a table of bun/migrate under a name of our own.
//
// # What may go wrong, and what then
//
// A migration that fails, or whose process is killed, does not count as
// applied, and the next Migrate finishes it. PostgreSQL and SQLite undo the
// half that was done; MySQL and MariaDB cannot, so every step there can run
// again. A table that has one of our names and is not ours is reported as
// [ErrUnexpectedSchema] before anything is changed. No table but our own is
// ever dropped.
//
// Only one process at a time migrates, by a lock of the database itself that
// ends with the session that holds it, so that no dead process blocks a living
// one: an advisory lock on PostgreSQL, GET_LOCK on MySQL and MariaDB, the write
// lock of the file on SQLite. (A cluster that takes writes at several nodes,
// as Galera does, has a GET_LOCK of its own at each: migrate through one.)
//
// # What a new version may change
//
// While a new version is deployed, engines of both work on one database, and the
// deploy may be taken back with the migrations left as they are. So a new version
// is deployed after its migrations, and may
//
//   - add columns that are nullable or have a default, tables, and indexes that
//     refuse no row;
//   - add keys to the objects in the columns data and signals. A version that does
//     not know a key keeps it for as long as there is the object: what is put
//     beside a job's input stays over a restart, and a record that a resume from
//     an earlier step replaces takes its keys into the history. A checkpoint has no
//     other keys;
//   - put a step, or its undoing, into a status of its own: a new kind of wait, say.
//     A version that does not know the status runs nothing of such a job, says so,
//     and leaves the record as it was.
//
// It changes the meaning of nothing that is there, takes nothing away, and adds no
// status of a job. Whether the steps of a job fit another version of the host's
// definition is a question of its own: see the package steps.
//
// # For code that uses the tables
//
// PostgreSQL and SQLite use a partial index only for a query that repeats its
// condition in literals (status = 'scheduled' AND deleted_at IS NULL, not
// status = $1).
//
// # Imports
//
// This package imports the standard library, bun with its schema, bun/migrate
// and bun's names of dialects: no driver, no dialect, nothing else of this
// module.
package migrations
