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
// On MySQL and MariaDB some parameters are set here and any other value is an
// error, so they are best left out: times are in UTC (loc=UTC, time_zone=+00:00,
// parseTime=true), texts in charset=utf8mb4, transactions are read-committed
// (transaction_isolation, tx_isolation), and an update counts the rows that it
// found (clientFoundRows=true). On PostgreSQL client_encoding is UTF8 and
// standard_conforming_strings on, whatever the text says.
//
// A password leaves this package to the server only: it is in no error, in no
// log, and not in what Redact returns. Malformed text is hidden as a whole,
// because it is not known where the password in it ends.
//
// It may import Bun, its dialects and the database drivers, and nothing of
// this module.
package dsn
