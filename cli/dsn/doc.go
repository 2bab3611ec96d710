// Package dsn opens the product's database from one line of text, a DSN, with
// the connection settings that correctness needs. It is the only place that
// knows a driver's settings: the command and the test servers both open their
// databases here, so that what is tested is what runs.
//
// The forms:
//
//	sqlite://jobs.db                         a file, relative to the working folder
//	sqlite:///var/lib/app/jobs.db            a file, absolute
//	sqlite://:memory:                        a private database in memory
//	jobs.db                                  text without a scheme: a file
//	postgres://user:password@host:5432/db    also postgresql://; libpq's parameters
//	mysql://user:password@host:3306/db       also mariadb://; the driver's parameters
//	mysql://user@unix(/run/mysqld.sock)/db   a unix socket, or ?socket=/run/mysqld.sock
//
// Special characters in a user name or a password are percent-encoded, as in
// any URL (@ is %40, / is %2F, # is %23, ? is %3F, % is %25).
//
// # Settings
//
// Some settings are made here, since without them values would change or what was
// committed would be lost. A host that opens its own database must make them itself:
// engine.New finds only those that change texts, times or the isolation of statements.
//
// On MySQL and MariaDB any other value of them is an error, so they are best left
// out: times are in UTC (loc=UTC, time_zone=+00:00, parseTime=true), texts in
// charset=utf8mb4, transactions are read-committed (transaction_isolation,
// tx_isolation), statements are committed by themselves (autocommit=1,
// completion_type=NO_CHAIN), a SELECT returns all its rows (sql_select_limit) with
// columns named as they are (columnsWithAlias=false), and an update counts the rows
// that it found (clientFoundRows=true). NO_BACKSLASH_ESCAPES and
// EMPTY_STRING_IS_NULL are taken out of the sql_mode.
//
// On PostgreSQL, whatever the text says, client_encoding is UTF8,
// standard_conforming_strings is on, dates are in ISO style, transactions are read
// committed, and a synchronous_commit of off is on.
//
// On SQLite, which takes no parameters, there is a write-ahead log with
// synchronous=FULL, transactions lock the database as they begin, and wait up to
// 10 seconds for that.
//
// # Secrets
//
// A password leaves this package to the server only: it is in no error, in no
// log, and not in what Redact returns. Malformed text is hidden as a whole,
// because it is not known where the password in it ends.
//
// # Imports
//
// It may import Bun, its dialects and the database drivers, and nothing of
// this module.
package dsn
