// Package store is the SQL of the engine: every statement that reads or writes
// the two tables, for every supported database.
//
// All times it writes are the database's clock. A statement that locks several
// rows locks them in one order - jobs by id, then locks by type - or leaves out
// rows that are locked.
//
// It may import bun, uuid, the standard library and the package model.
//
// # Databases
//
// The operations whose SQL differs are methods of a type for each database, postgres,
// sqlite and mysql (which is MariaDB, too), in files that are named for both: the
// claim on MySQL is mysql_claim.go. The interface database lists them. Nothing else
// asks which database it is. Where only a function's name or a clause differs, the
// SQL is shared, and has a word in braces there: see words.
//
// A statement works on many rows at once, a batch. PostgreSQL and SQLite read it as
// a table v, from one argument with the rows as JSON, so that the texts stay the
// same and are prepared once. MySQL and MariaDB have the values in the text: see
// inlineValues.
//
// # Tags
//
// Each statement names its operation in a comment after its first word:
//
//	UPDATE /* jobsystem:renew */ job_type_lock SET ...
//
// A DBA finds it in pg_stat_statements, pg_stat_activity, SHOW PROCESSLIST, and the
// slow query log ('%jobsystem:claim%' is all of what a claim does), and a test knows
// statements by it: see [Op] for the names, and [OpOf]. A tag is part of the text,
// which stays the same, so that it costs nothing but its bytes.
//
// # Files
//
// From the lowest up; a file uses only those before it.
//
//	op.go               the operations, and the tags with their names
//	channel.go          where engines notify each other on PostgreSQL, and of what
//	write.go            what a run writes to its row, and the answer
//	row.go              jobs, runs and engines as the tables know them
//	code.go             the databases' codes in errors of all drivers
//	full.go             the errors of a full disk
//	repeat.go           statements that were rolled back, and another try
//
//	words.go            the words in braces
//	batch.go            rows of values for a statement
//	columns.go          the columns of the tables, and of batches
//	prepared.go         prepared statements
//	executor.go         the text of a statement
//	tx.go               transactions
//	settings.go         checks of a connection's settings
//
//	database.go         the operations that differ
//	assignments.go      what a write does to the columns of a job
//	json_path.go        paths in documents on SQLite and MySQL
//	insert_rows.go      the steps of an insert
//	claim_tx.go         the steps of a claim in a transaction
//	flush_tx.go         the steps of a flush in a transaction
//
//	row_locks.go        what PostgreSQL and MySQL have in common
//	from_batch.go       what PostgreSQL and SQLite have in common
//	postgres_batch.go   batches
//	postgres.go         PostgreSQL: words and settings
//	postgres_locks.go   locks of types
//	postgres_claim.go   the claim
//	postgres_flush.go   the flush
//	postgres_insert.go  the insert
//	sqlite_batch.go     batches
//	sqlite.go           SQLite: words and settings
//	sqlite_locks.go     locks of types
//	sqlite_claim.go     the claim
//	sqlite_flush.go     the flush
//	sqlite_insert.go    the insert
//	mysql.go            MySQL: words and settings
//	mariadb.go          MariaDB: its own words
//	mysql_inline.go     values in the text of a statement, on both
//	mysql_locks.go      locks of types, on both
//	mysql_claim.go      the claim, on both
//	mysql_flush.go      the flush, on both
//	mysql_insert.go     the insert, on both
//
//	store.go            the store, and which database it is on
//	ready.go            which types have due jobs
//	claim.go            claims
//	flush.go            what runs write
//	recorded.go         whether a write whose answer was lost took effect
//	locks.go            locks of types, and leases
//	insert.go           new jobs
//	notify.go           notifications
//	settle.go           the end of runs whose lease has run out
//	orphans.go          jobs and locks that were left behind
//	read.go             jobs as people and programs read them
//	ahead.go            how many jobs are claimed before one
//	children.go         jobs by their ids
//	cancel.go           cancel requests
//	decide.go           decisions
//	requests.go         what running jobs were asked for
//	change.go           changes by commands, and signals
package store
