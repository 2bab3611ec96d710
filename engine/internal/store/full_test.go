package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestIsFullDistinguishesAFullDatabaseFromOneThatRejects(t *testing.T) {
	t.Parallel()
	for _, full := range []error{
		&pgconn.PgError{Code: "53100"},
		&mysql.MySQLError{Number: 1114}, &mysql.MySQLError{Number: 1021},
	} {
		assert.True(t, store.IsFull(fmt.Errorf("write records: %w", full)), "%v", full)
	}
	for _, other := range []error{nil, errors.New("boom"), &pgconn.PgError{Code: "23514"}, &mysql.MySQLError{Number: 4025}} {
		assert.False(t, store.IsFull(other), "%v", other)
	}

	db := testdb.Open(t, testdb.DSN(t, testdb.SQLite))
	_, err := db.Exec("CREATE TABLE large (text TEXT CHECK (text <> 'small'))")
	require.NoError(t, err)
	_, err = db.Exec("PRAGMA max_page_count = 1") // no more than it has
	require.NoError(t, err)
	_, err = db.Exec("INSERT INTO large VALUES ('small')")
	require.Error(t, err)
	assert.False(t, store.IsFull(err), "%v", err)
	_, err = db.Exec("INSERT INTO large VALUES (hex(zeroblob(100000)))")
	require.Error(t, err)
	assert.True(t, store.IsFull(err), "%v", err)
}
