package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// database is the operations whose statements differ between the databases:
// [postgres], [sqlite] and [mysql], which is MariaDB as well. Everything else is the
// same everywhere, but for the words.
type database interface {
	// kind returns the database's name.
	kind() string
	// check returns an error if the connection's settings change values.
	check(ctx context.Context) error
	// writers returns how many transactions the database can usefully run at once.
	writers() int
	// soleWriter reports whether a transaction that has written keeps all others
	// from writing.
	soleWriter() bool

	// sql, named and inTx are those of the executor.
	sql(op Op, template string) string
	named(table string) string
	inTx(ctx context.Context, fn func(ctx context.Context, tx bun.Tx) error) error

	// beginWriting makes a transaction, of which it is the first statement, one
	// that waits for other writers.
	beginWriting(ctx context.Context, tx bun.Tx) error
	// lockUnlocked locks the locks' rows of those types whose rows no other
	// transaction has locked, and returns these types.
	lockUnlocked(ctx context.Context, tx bun.Tx, types []string) ([]string, error)
	// readNewest reads the state of a row again where the transaction's snapshot
	// may be older than what its own statements change.
	readNewest(ctx context.Context, db bun.IDB, row *Row) error

	// ensureLock makes the lock of a type, unless there is one.
	ensureLock(ctx context.Context, jobType string) error
	// writeLocks writes a batch of lockBatch: it assigns locks to jobs, and frees
	// those without a job if they still cover the ended run. The transaction has
	// locked their rows.
	writeLocks(ctx context.Context, tx bun.Tx, b *batch, owner Owner) error

	// dueTypes returns the statement that selects the types with a scheduled job.
	dueTypes() string
	// claim is [Store.Claim].
	claim(ctx context.Context, types []string, owner Owner) ([]*model.Job, error)
	// claimExcept is [Store.ClaimExcept].
	claimExcept(ctx context.Context, types []string, except []uuid.UUID, owner Owner) ([]*model.Job, error)
	// claimHeld locks the locks of these runs that are still the owner's, and moves
	// the first due job of each one's type to processing.
	claimHeld(ctx context.Context, tx bun.Tx, runs []LockedRun, owner Owner) ([]*model.Job, error)

	// flush is [Store.Flush] of writes in the order of their jobs' ids.
	flush(ctx context.Context, writes []Write, owner Owner, claim bool) (Flushed, error)
	// update writes the rows of runs, and returns those that the fence let through.
	update(ctx context.Context, db bun.IDB, writes []Write) (map[uuid.UUID]Ack, error)
	// patched returns the SQL for the document of j with a batch's patches applied,
	// of which there are that many in a row.
	patched(patches int) string
	// jsonPath returns a path as the database's JSON functions take it.
	jsonPath(p Path) string
	// unusedPath returns a path at which a patch changes nothing.
	unusedPath() string

	// insert writes a batch of insertBatch, except jobs whose idempotency key is in
	// use, and returns the rows written. With notify, it notifies other engines.
	insert(ctx context.Context, db bun.IDB, b *batch, notify bool) ([]*model.Job, error)
	// notify sends a payload to other engines, if the database can.
	notify(ctx context.Context, db bun.IDB, payload string) error
}
