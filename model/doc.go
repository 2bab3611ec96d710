// Package model defines what jobsystem stores in the database and what it shows of
// a job. Start here to read the tables from another program, or to build an API or
// a page on top of them:
//
//   - [Job] and [TypeLock] are the rows of the two tables.
//   - [Status] and [StepStatus] are the states of a job and of a step, with the
//     changes that are allowed.
//   - [Data] and [StepRecord] are the JSON document in a job's data column: its
//     input, the record of each step, and its result. [ParseData] reads it.
//   - [Checkpoints] and [Signals] are the JSON of the two columns of that name.
//   - [JobView] is the status of a job as an API returns it.
//   - [Redactor] hides secrets from people who look at jobs.
//   - [CheckName] and [CheckJSON] check that a name or a value can be stored
//     unchanged in every supported database.
//
// A document keeps the keys that it does not know: a newer version of this module
// may have written them, and an older one that changes the document must not lose
// them.
//
// The package knows no database driver and runs no SQL. It may import the standard
// library, bun (for its tags and its value interfaces) and google/uuid, and nothing
// else of this module.
package model
