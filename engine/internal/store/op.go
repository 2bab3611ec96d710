package store

import "strings"

// Op is the operation that a statement belongs to. Each statement names its own
// in a comment, its tag.
type Op string

// The operations. One that takes several statements has its own name for the one
// that matters most, and that name, a dash and what they do for the others. A
// statement that several operations use has the same tag in all of them:
// PostgreSQL's pg_stat_statements keeps the first text of statements that differ
// in comments only, and each text is prepared by itself.
const (
	OpCheck Op = "check" // the connection's settings, and the tables

	OpEnsureLocks     Op = "ensure-locks" // makes the lock of a type
	OpEnsureLocksRead Op = "ensure-locks-read"

	OpInsert         Op = "insert"
	OpInsertNotify   Op = "insert-notify"   // notifies other engines as well, on PostgreSQL
	OpInsertRead     Op = "insert-read"     // what was inserted, on MySQL
	OpInsertExisting Op = "insert-existing" // the job that has the idempotency key
	OpNotify         Op = "notify"

	OpReady       Op = "ready"
	OpDueTypes    Op = "due-types"
	OpClaim       Op = "claim"        // moves jobs to processing; on PostgreSQL, it writes their locks as well
	OpClaimLocks  Op = "claim-locks"  // locks the types' rows, on MySQL
	OpClaimJobs   Op = "claim-jobs"   // locks the jobs' rows, on MySQL
	OpAssignLocks Op = "assign-locks" // gives locks to claimed jobs, and frees those of ended runs
	OpOwned       Op = "owned"

	OpFlush      Op = "flush"       // writes what runs leave in their rows
	OpFlushClaim Op = "flush-claim" // is that, the claim of the next jobs and their locks, on PostgreSQL
	OpFlushLock  Op = "flush-lock"  // locks the rows first, on MySQL
	OpFlushRead  Op = "flush-read"  // the answer to a write, on MySQL

	OpRecorded     Op = "recorded"
	OpRecordedWait Op = "recorded-wait" // for transactions that might still change the row

	OpRenew     Op = "renew" // extends leases
	OpRenewLock Op = "renew-lock"
	OpRenewRead Op = "renew-read"
	OpTouch     Op = "touch"

	OpSettle           Op = "settle"       // writes the outcome of a run
	OpSettleBegin      Op = "settle-begin" // on SQLite
	OpSettleLock       Op = "settle-lock"
	OpSettleOrphanLock Op = "settle-orphan-lock"
	OpSettleRead       Op = "settle-read"
	OpSettleExists     Op = "settle-exists"
	OpOrphans          Op = "orphans"
	OpOrphansLocks     Op = "orphans-locks"

	OpJob              Op = "job"
	OpJobs             Op = "jobs"
	OpRunning          Op = "running"
	OpLatest           Op = "latest"
	OpList             Op = "list"
	OpTypes            Op = "types"
	OpHistory          Op = "history"
	OpAhead            Op = "ahead"
	OpChildrenProgress Op = "children-progress"
	OpChildrenOpen     Op = "children-open"
	OpMakeDue          Op = "make-due"

	OpCancel     Op = "cancel"
	OpCancelRead Op = "cancel-read" // on MySQL
	OpDecide     Op = "decide"
	OpRequests   Op = "requests"
	OpChange     Op = "change"
	OpChangeLock Op = "change-lock"
	OpChangeKey  Op = "change-key"
	OpSignal     Op = "signal"
)

const tagBegin, tagEnd = "/* jobsystem:", " */"

// Tag returns the comment that the operation's statements have.
func (op Op) Tag() string { return tagBegin + string(op) + tagEnd }

// OpOf returns the operation that a statement's tag names, or "" if it has none.
func OpOf(query string) Op {
	_, rest, _ := strings.Cut(query, tagBegin)
	name, _, _ := strings.Cut(rest, tagEnd)
	return Op(name)
}

// tagged returns a statement with the operation's tag after its first word.
// PostgreSQL 18 does not count comments before that as a part of the statement
// (pg_stat_statements would lose them), and proxies and Bun's hooks tell reads
// from writes by the word that comes first; far from the beginning, MySQL's
// process list and PostgreSQL's pg_stat_activity would cut the tag off.
func (op Op) tagged(text string) string {
	verb, rest, _ := strings.Cut(text, " ")
	return verb + " " + op.Tag() + " " + rest
}
