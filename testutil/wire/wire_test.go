package wire_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// recorder records the calls. fail makes calls fail before they are made, and lose
// replaces their answers; either may be nil.
type recorder struct {
	mu            sync.Mutex
	before, after []wire.Call
	fail, lose    func(wire.Call) error
}

func (r *recorder) Before(_ context.Context, call wire.Call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = append(r.before, call)
	if r.fail != nil {
		return r.fail(call)
	}
	return nil
}

func (r *recorder) After(_ context.Context, call wire.Call, _ error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.after = append(r.after, call)
	if r.lose != nil {
		return r.lose(call)
	}
	return nil
}

func (r *recorder) forget() { r.before, r.after = nil, nil }

// table opens a database with a hook, and makes a table with one number in it.
func table(t *testing.T, text string) (*bun.DB, *recorder) {
	t.Helper()
	hook := &recorder{}
	db := wire.Through(testdb.Open(t, text), hook)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	for _, statement := range []string{"CREATE TABLE numbers (n INTEGER NOT NULL)", "INSERT INTO numbers (n) VALUES (1)"} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	hook.forget()
	return db, hook
}

func number(t *testing.T, db *bun.DB) (n int) {
	t.Helper()
	require.NoError(t, db.NewRaw("SELECT n FROM numbers").Scan(t.Context(), &n))
	return n
}

func TestAHookSeesEachCallWithItsText(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db, hook := table(t, text)
		ctx := t.Context()
		require.NoError(t, db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE numbers SET n = 2")
			return err
		}))
		assert.Equal(t, 2, number(t, db))
		prepared, err := db.DB.PrepareContext(ctx, "SELECT n + 1 FROM numbers")
		require.NoError(t, err)
		defer prepared.Close()
		var n int
		require.NoError(t, prepared.QueryRowContext(ctx).Scan(&n))
		assert.Equal(t, 3, n)
		assert.ErrorIs(t, db.RunInTx(ctx, nil, func(context.Context, bun.Tx) error { return sql.ErrNoRows }), sql.ErrNoRows)

		want := []wire.Call{
			{Kind: wire.Begin, Text: "BEGIN", Tx: 1},
			{Text: "UPDATE numbers SET n = 2", Tx: 1},
			{Kind: wire.Commit, Text: "COMMIT", Tx: 1},
			{Text: "SELECT n FROM numbers"},
			{Text: "SELECT n + 1 FROM numbers"},
			{Kind: wire.Begin, Text: "BEGIN", Tx: 2},
			{Kind: wire.Rollback, Text: "ROLLBACK", Tx: 2},
		}
		assert.Equal(t, want, hook.before)
		assert.Equal(t, want, hook.after)
	})
}

// The arguments of a call are enough to make it later, as a network does that
// delivers it late.
func TestAHookSeesTheArgumentsOfACall(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		var delayed wire.Call
		errDelayed := errors.New("delayed")
		plain := testdb.Open(t, text)
		plain.SetMaxOpenConns(2)
		_, err := plain.ExecContext(t.Context(), "CREATE TABLE numbers (n INTEGER NOT NULL)")
		require.NoError(t, err)
		db := wire.Beside(plain, 1, wire.BeforeFunc(func(_ context.Context, call wire.Call) error {
			delayed = call
			return errDelayed
		}))
		defer db.Close()
		insert := "INSERT INTO numbers (n) VALUES (?)"
		if db.Dialect().Name() == dialect.PG {
			insert = "INSERT INTO numbers (n) VALUES ($1)"
		}
		_, err = db.DB.ExecContext(t.Context(), insert, 7) // Bun would write the argument into the text
		require.ErrorIs(t, err, errDelayed)
		require.Len(t, delayed.Args, 1)
		assert.EqualValues(t, 7, delayed.Args[0].Value)
		_, err = plain.DB.ExecContext(t.Context(), delayed.Text, delayed.Args[0].Value)
		require.NoError(t, err)
		assert.Equal(t, 7, number(t, plain))
	})
}

func TestACallThatAHookFailsDoesNotHappen(t *testing.T) {
	t.Parallel()
	errRejected := errors.New("rejected")
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db, hook := table(t, text)
		ctx := t.Context()
		hook.fail = func(call wire.Call) error {
			if call.Text == "UPDATE numbers SET n = 2" || call.Kind == wire.Commit {
				return errRejected
			}
			return nil
		}
		_, err := db.ExecContext(ctx, "UPDATE numbers SET n = 2")
		assert.ErrorIs(t, err, errRejected)
		assert.Equal(t, 1, number(t, db))
		err = db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE numbers SET n = 3")
			return err
		})
		assert.ErrorIs(t, err, errRejected)
		assert.Equal(t, 1, number(t, db), "the commit failed, so it is rolled back")
	})
}

func TestACallWhoseAnswerAHookLosesHasHappened(t *testing.T) {
	t.Parallel()
	errLost := errors.New("the answer was lost")
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db, hook := table(t, text)
		ctx := t.Context()
		hook.lose = func(call wire.Call) error {
			if call.Text != "SELECT n FROM numbers" {
				return errLost
			}
			return nil
		}
		_, err := db.ExecContext(ctx, "UPDATE numbers SET n = 2")
		assert.ErrorIs(t, err, errLost)
		assert.Equal(t, 2, number(t, db))
		var n int
		assert.ErrorIs(t, db.NewRaw("SELECT n + 1 FROM numbers").Scan(ctx, &n), errLost)
		_, err = db.BeginTx(ctx, nil)
		assert.ErrorIs(t, err, errLost)
		hook.lose = nil
		tx, err := db.BeginTx(ctx, nil)
		require.NoError(t, err, "no transaction is left open on the connection")
		require.NoError(t, tx.Rollback())
	})
}

func TestATransactionThatCannotBeginIsAnError(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db, _ := table(t, text)
		conn, err := db.DB.Conn(t.Context()) // otherwise database/sql does not reach the driver
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.Raw(func(raw any) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := raw.(driver.ConnBeginTx).BeginTx(ctx, driver.TxOptions{})
			assert.ErrorIs(t, err, context.Canceled)
			return nil
		}))
	})
}

func TestADatabaseBesideAnotherClosesOnlyWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db := testdb.Open(t, text)
		db.SetMaxOpenConns(2)
		hook := &recorder{}
		beside := wire.Beside(db, 1, hook)
		hook.forget() // a dialect may have asked for the database's version
		var one int
		require.NoError(t, beside.NewRaw("SELECT 1").Scan(t.Context(), &one))
		require.NoError(t, beside.Close())
		assert.Equal(t, []wire.Call{{Text: "SELECT 1"}}, hook.before)
		require.NoError(t, db.NewRaw("SELECT 1").Scan(t.Context(), &one))
		assert.Len(t, hook.before, 1, "it has no hook")
		assert.Zero(t, db.Stats().InUse, "its connections have come back")
	})
}

// The optional interfaces of a driver, which database/sql asserts, are kept.
func TestNoOptionalInterfaceOfADriverIsLost(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		plain := testdb.Open(t, text)
		bare := optional(t, plain)
		wrapped := optional(t, wire.Through(plain, &recorder{}))
		for part := range bare {
			assert.Contains(t, wrapped, part)
		}
	})
}

// optional returns the names of the optional interfaces that a database's connection,
// prepared statement and rows implement.
func optional(t *testing.T, db *bun.DB) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	note := func(what string, part any, interfaces ...reflect.Type) {
		for _, one := range interfaces {
			if reflect.TypeOf(part).Implements(one) {
				found[what+" "+one.Name()] = true
			}
		}
	}
	conn, err := db.DB.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.Raw(func(raw any) error {
		note("conn", raw, reflect.TypeFor[driver.Pinger](), reflect.TypeFor[driver.ExecerContext](), reflect.TypeFor[driver.QueryerContext](),
			reflect.TypeFor[driver.ConnPrepareContext](), reflect.TypeFor[driver.ConnBeginTx](), reflect.TypeFor[driver.SessionResetter](),
			reflect.TypeFor[driver.Validator](), reflect.TypeFor[driver.NamedValueChecker]())
		stmt, err := raw.(driver.ConnPrepareContext).PrepareContext(t.Context(), "SELECT 1")
		require.NoError(t, err)
		defer stmt.Close()
		note("statement", stmt, reflect.TypeFor[driver.StmtExecContext](), reflect.TypeFor[driver.StmtQueryContext](), reflect.TypeFor[driver.NamedValueChecker]())
		rows, err := stmt.(driver.StmtQueryContext).QueryContext(t.Context(), nil)
		require.NoError(t, err)
		defer rows.Close()
		note("rows", rows, reflect.TypeFor[driver.RowsNextResultSet](), reflect.TypeFor[driver.RowsColumnTypeScanType](), reflect.TypeFor[driver.RowsColumnTypeDatabaseTypeName](),
			reflect.TypeFor[driver.RowsColumnTypeLength](), reflect.TypeFor[driver.RowsColumnTypeNullable](), reflect.TypeFor[driver.RowsColumnTypePrecisionScale]())
		return nil
	}))
	return found
}
