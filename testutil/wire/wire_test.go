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

	"github.com/ntxdev/jobsystem/testutil/testdb"
	"github.com/ntxdev/jobsystem/testutil/wire"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// recorder keeps the calls, and refuses or withholds those that it is told to.
type recorder struct {
	mu            sync.Mutex
	before, after []wire.Call
	refuse, hide  func(wire.Call) error
}

func (r *recorder) Before(_ context.Context, call wire.Call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = append(r.before, call)
	if r.refuse != nil {
		return r.refuse(call)
	}
	return nil
}

func (r *recorder) After(_ context.Context, call wire.Call, _ error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.after = append(r.after, call)
	if r.hide != nil {
		return r.hide(call)
	}
	return nil
}

func (r *recorder) forget() { r.before, r.after = nil, nil }

// table is a database with a hook and a table with one number in it.
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

func TestAHookIsToldOfEachCallWithItsText(t *testing.T) {
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

func TestWhatAHookRefusesDoesNotHappen(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db, hook := table(t, text)
		ctx := t.Context()
		hook.refuse = func(call wire.Call) error {
			if call.Text == "UPDATE numbers SET n = 2" || call.Kind == wire.Commit {
				return refused
			}
			return nil
		}
		_, err := db.ExecContext(ctx, "UPDATE numbers SET n = 2")
		assert.ErrorIs(t, err, refused)
		assert.Equal(t, 1, number(t, db))
		err = db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE numbers SET n = 3")
			return err
		})
		assert.ErrorIs(t, err, refused)
		assert.Equal(t, 1, number(t, db), "the commit was refused, so it is rolled back")
	})
}

func TestWhatAHookWithholdsHasHappened(t *testing.T) {
	t.Parallel()
	lost := errors.New("the answer was lost")
	testdb.EachDSN(t, func(t *testing.T, text string) {
		db, hook := table(t, text)
		ctx := t.Context()
		hook.hide = func(call wire.Call) error {
			if call.Text != "SELECT n FROM numbers" {
				return lost
			}
			return nil
		}
		_, err := db.ExecContext(ctx, "UPDATE numbers SET n = 2")
		assert.ErrorIs(t, err, lost)
		assert.Equal(t, 2, number(t, db))
		var n int
		assert.ErrorIs(t, db.NewRaw("SELECT n + 1 FROM numbers").Scan(ctx, &n), lost)
		_, err = db.BeginTx(ctx, nil)
		assert.ErrorIs(t, err, lost)
		hook.hide = nil
		tx, err := db.BeginTx(ctx, nil)
		require.NoError(t, err, "no transaction is left open on the connection")
		require.NoError(t, tx.Rollback())
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

// The optional parts of a driver that database/sql looks for pass through.
func TestNothingOfTheDriversIsLost(t *testing.T) {
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

// optional names the optional interfaces that a database's connection, prepared
// statement and rows have.
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
