// Package model holds what jobsystem keeps in the database and what it tells
// an API about it: the rows of the two tables ([Job], [TypeLock]), the status
// values and their legal moves ([Status]), the JSON document in a job's data
// column ([Data], [StepRecord]) and the shape of a status answer ([JobView]).
//
// It knows no database driver and runs no SQL. It may import the standard
// library, bun (for its tags and its value interfaces) and google/uuid, and
// nothing else of this module.
package model
