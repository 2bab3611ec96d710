package engine_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// lossy is a driver whose statements and commits take effect, but whose answer
// to some of them is an error: what a connection that breaks at the wrong
// moment looks like.
type lossy struct {
	base driver.Driver
	name string
	lose *atomic.Pointer[func(what string) bool]
	// hold, if there is one, takes statements that the test sends later: they are
	// given up.
	hold *atomic.Pointer[func(query string, args []driver.NamedValue) bool]
}

// lateCommit is what a loser is asked before a commit: if it says yes, nothing
// has taken effect when the answer is lost.
const lateCommit = "late commit"

var errAnswerLost = errors.New("the answer was lost")

func (l lossy) Connect(context.Context) (driver.Conn, error) {
	conn, err := l.base.Open(l.name)
	if err != nil {
		return nil, err
	}
	return lossyConn{conn, l.lose, l.hold}, nil
}

func (l lossy) Driver() driver.Driver { return l.base }

type lossyConn struct {
	driver.Conn
	lose *atomic.Pointer[func(string) bool]
	hold *atomic.Pointer[func(string, []driver.NamedValue) bool]
}

func (c lossyConn) lost(what string, err error) error {
	if lose := c.lose.Load(); err == nil && lose != nil && (*lose)(what) {
		return errAnswerLost
	}
	return err
}

func (c lossyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	return lossyTx{tx, c}, err
}

func (c lossyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c lossyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return lossyStmt{stmt, query, c}, err
}

func (c lossyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(query, args, func() (driver.Rows, error) {
		return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	})
}

// changingOps are the operations whose statements change rows and return some.
var changingOps = []store.Op{store.OpClaim, store.OpFlush, store.OpFlushClaim, store.OpInsertNotify}

// query runs a statement, and may lose the answer to one that changes rows.
func (c lossyConn) query(query string, args []driver.NamedValue, run func() (driver.Rows, error)) (driver.Rows, error) {
	if c.hold != nil && (*c.hold.Load())(query, args) {
		return nil, errAnswerLost
	}
	changes := slices.Contains(changingOps, store.OpOf(query))
	if changes && c.lost(lateCommit, nil) != nil {
		return nil, errAnswerLost // the test does it later
	}
	rows, err := run()
	if err == nil && changes && c.lost("update", nil) != nil {
		// Read to the end, so that the statement has taken its effect.
		values := make([]driver.Value, len(rows.Columns()))
		for rows.Next(values) == nil {
		}
		return nil, errors.Join(errAnswerLost, rows.Close())
	}
	return rows, err
}

type lossyStmt struct {
	driver.Stmt
	query string
	conn  lossyConn
}

func (s lossyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.query(s.query, args, func() (driver.Rows, error) {
		return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	})
}

func (s lossyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

type lossyTx struct {
	driver.Tx
	conn lossyConn
}

func (t lossyTx) Commit() error {
	if t.conn.lost(lateCommit, nil) != nil {
		return errors.Join(errAnswerLost, t.Tx.Rollback()) // the test does it later
	}
	return t.conn.lost("commit", t.Tx.Commit())
}

// openLossy opens a test database through a lossy driver.
func openLossy(t *testing.T, kind testdb.Kind, lose *atomic.Pointer[func(string) bool]) *bun.DB {
	t.Helper()
	return openLossyAt(t, kind, testdb.DSN(t, kind), lossy{lose: lose})
}

// openLossyAt opens the database at that address through a lossy driver.
func openLossyAt(t *testing.T, kind testdb.Kind, text string, how lossy) *bun.DB {
	t.Helper()
	name, dialect := text, schema.Dialect(pgdialect.New())
	if kind == testdb.SQLite {
		name = "file:" + strings.TrimPrefix(text, "sqlite://") + "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)"
		dialect = sqlitedialect.New()
	}
	how.base, how.name = testdb.Open(t, text).Driver(), name
	pool := sql.OpenDB(how)
	if kind == testdb.SQLite {
		pool.SetMaxOpenConns(1)
	}
	db := bun.NewDB(pool, dialect)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// Whatever answer of the engine's own writes is lost, each job ends well, and
// each of its steps runs once: what took effect is recognised, what did not is
// repeated, and a job that was claimed unheard is found.
func TestALostAnswerLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []testdb.Kind{testdb.SQLite, testdb.Postgres} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			var lose atomic.Pointer[func(string) bool]
			db := openLossy(t, kind, &lose)
			var mu sync.Mutex
			ran := make(map[string]int)
			d := steps.Define[input]()
			for i := range 3 {
				steps.Do(d, fmt.Sprint("step-", i), func(_ context.Context, run *steps.Run[input]) error {
					mu.Lock()
					defer mu.Unlock()
					ran[run.IdempotencyKey()]++
					return nil
				})
			}
			for round := range 12 {
				eng := newEngine(t, db, config(), d) // its lease is long: nothing heals by one running out
				var ids []uuid.UUID
				for range 3 {
					ids = append(ids, enqueue(t, eng, input{}).ID)
				}
				var count atomic.Int32
				nth := func(what string) bool { return what != lateCommit && count.Add(1) == int32(round) }
				lose.Store(&nth)
				stop := start(t, eng)
				for _, id := range ids {
					s := ended(t, eng, id)
					assert.Equal(t, model.Succeeded, s.Status, "round %d: %s", round, s.Error)
				}
				lose.Store(nil)
				stop()
				assert.NotZero(t, count.Load())
			}
			mu.Lock()
			defer mu.Unlock()
			assert.Len(t, ran, 12*3*3)
			for key, n := range ran {
				assert.Equal(t, 1, n, key)
			}
			var open int
			require.NoError(t, db.NewRaw("SELECT COUNT(*) FROM job_type_lock l WHERE l.job_id IS NOT NULL").Scan(t.Context(), &open))
			assert.Zero(t, open, "every lock is free")
		})
	}
}

// A claim takes effect only after its answer was given up and the engine has
// looked for it in vain: the job is found and run all the same.
func TestALateCommitOfAClaimIsFound(t *testing.T) {
	t.Parallel()
	var lose atomic.Pointer[func(string) bool]
	db := openLossy(t, testdb.Postgres, &lose)
	owners, lost := make(chan string, 2), make(chan struct{}, 1)
	cfg := config()
	cfg.Poll = time.Hour // it does not claim the job anew
	eng := newEngine(t, db, cfg, one("test:job", func(ctx context.Context, _ *steps.Run[input]) error {
		var owner string
		defer func() { owners <- owner }()
		return db.NewRaw("SELECT l.owner FROM job_type_lock l").Scan(ctx, &owner)
	}))
	start(t, eng)
	ended(t, eng, enqueue(t, eng, input{}).ID)
	owner := receive(t, owners)

	loser := func(what string) bool {
		if what != lateCommit {
			return false
		}
		select {
		case lost <- struct{}{}:
		default:
		}
		return true
	}
	lose.Store(&loser)
	job := enqueue(t, eng, input{})
	receive(t, lost)
	lose.Store(nil)
	require.NoError(t, db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewRaw("UPDATE job_system_jobs SET status = 'processing', attempt = 1, started_at = clock_timestamp() WHERE id = ? AND status = 'scheduled'", job.ID.String()).Exec(ctx)
		if err != nil {
			return err
		}
		_, err = tx.NewRaw("UPDATE job_type_lock SET owner = ?, job_id = ?, attempt = 1, locked_until = clock_timestamp() + interval '1 hour'", owner, job.ID.String()).Exec(ctx)
		return err
	}))
	s := ended(t, eng, job.ID)
	assert.Equal(t, model.Succeeded, s.Status, s.Error)
	assert.EqualValues(t, 1, s.Attempt)
	receive(t, owners)
}

// The answer to a claim is lost, and by the time that it is looked for the lease
// has run out: the job begins with a lease of its own all the same, so that
// nobody takes it over.
func TestAJobThatWasClaimedUnheardBeginsWithALeaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for kind, answer := range map[testdb.Kind]string{testdb.SQLite: "commit", testdb.Postgres: "update"} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			text := testdb.DSN(t, kind)
			beside := testdb.Open(t, text)
			var lose atomic.Pointer[func(string) bool]
			db := openLossyAt(t, kind, text, lossy{lose: &lose})
			eng := newEngine(t, beside, config())
			expired := make(chan bool, 1)
			start(t, newEngine(t, db, config(), one("test:job", func(ctx context.Context, run *steps.Run[input]) error {
				s, err := eng.Status(ctx, run.Job().ID)
				if err == nil {
					expired <- s.LeaseExpired
				}
				return err
			})))
			var lost atomic.Bool
			loser := func(what string) bool {
				if what != answer || lost.Load() {
					return false
				}
				// It was waited for that long.
				res, err := beside.ExecContext(context.Background(), "UPDATE job_type_lock SET locked_until = updated_at WHERE job_id IS NOT NULL")
				if !assert.NoError(t, err) {
					return false
				}
				claimed, err := res.RowsAffected()
				lost.Store(claimed > 0)
				return assert.NoError(t, err) && claimed > 0
			}
			lose.Store(&loser)
			job := enqueue(t, eng, input{})
			assert.False(t, receive(t, expired))
			s := ended(t, eng, job.ID)
			assert.Equal(t, model.Succeeded, s.Status, s.Error)
			assert.True(t, lost.Load())
			assert.EqualValues(t, 1, s.Attempt, "it is the run that was claimed unheard")
		})
	}
}

// A run's write fails until the run is in its step's transaction, and has nothing
// to be written from there on: the jobs of other types go on meanwhile.
func TestAFailedWriteThatWaitsForATransactionHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	var lose atomic.Pointer[func(string) bool]
	db := openLossy(t, testdb.Postgres, &lose)
	failed, begun, release := make(chan struct{}), make(chan struct{}), make(chan struct{})
	failing := sync.OnceFunc(func() { close(failed) })
	always := func(what string) bool {
		if what == lateCommit {
			failing()
		}
		return what == lateCommit
	}
	d := steps.Define[input]()
	pair := steps.Parallel(d, "pair")
	steps.Do(pair, "writes", func(ctx context.Context, run *steps.Run[input]) error {
		lose.Store(&always)
		return run.Checkpoint(ctx, 1)
	})
	steps.InTx(pair, "books", func(context.Context, steps.Tx, *steps.Run[input]) (int, error) {
		lose.Store(nil)
		close(begun)
		<-release
		return 1, nil
	}, steps.When(func(*steps.Run[input]) bool { <-failed; return true }, ""))
	eng := newEngine(t, db, config(), d, one("other", nothing))
	start(t, eng)
	job := enqueue(t, eng, input{})
	receive(t, begun)
	other := ended(t, eng, enqueue(t, eng, raw("other")).ID)
	assert.Equal(t, model.Succeeded, other.Status)
	s, err := eng.Status(t.Context(), job.ID)
	require.NoError(t, err)
	assert.Equal(t, model.Processing, s.Status)
	close(release)
	s = ended(t, eng, job.ID)
	assert.Equal(t, model.Succeeded, s.Status, s.Error)
	assert.Equal(t, []int{1, 1}, []int{s.Steps[0].Attempts, s.Steps[1].Attempts})
}
