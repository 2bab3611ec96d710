package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// Values stand in the SQL as literals. A host's own connection may have settings under
// which a literal ends earlier than it was written to, and the rest of it is run.
func TestNewRejectsAConnectionThatChangesValues(t *testing.T) {
	t.Parallel()
	texts := map[testdb.Kind]string{
		testdb.MariaDB:  testdb.EmptyDSN(t, testdb.MariaDB),
		testdb.Postgres: testdb.EmptyDSN(t, testdb.Postgres),
	}
	for _, test := range []struct {
		kind          testdb.Kind
		setting, says string
	}{
		{testdb.MariaDB, "SET NAMES gbk", "character set is gbk"},
		{testdb.MariaDB, "SET NAMES big5", "character set is big5"},
		{testdb.MariaDB, "SET NAMES sjis", "character set is sjis"},
		{testdb.MariaDB, "SET NAMES latin1", "character set is latin1"},
		{testdb.MariaDB, "SET NAMES utf8mb3", "character set is utf8mb3"},
		{testdb.MariaDB, "SET character_set_client = gbk", "set charset=utf8mb4"},
		{testdb.MariaDB, "SET character_set_connection = latin1", "set charset=utf8mb4"},
		{testdb.MariaDB, "SET character_set_results = latin1", "set charset=utf8mb4"},
		{testdb.MariaDB, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "turn off NO_BACKSLASH_ESCAPES"},
		{testdb.Postgres, "SET client_encoding = 'GBK'", "set charset=utf8mb4 (MySQL, MariaDB) or client_encoding=UTF8"},
		{testdb.Postgres, "SET client_encoding = 'LATIN1'", "character set is LATIN1"},
		{testdb.Postgres, "SET standard_conforming_strings = off", "turn on standard_conforming_strings"},
	} {
		t.Run(test.setting, func(t *testing.T) {
			t.Parallel()
			db := testdb.Open(t, texts[test.kind])
			db.SetMaxOpenConns(1)
			_, err := db.ExecContext(t.Context(), test.setting)
			require.NoError(t, err)
			_, err = store.New(t.Context(), db, model.Tables{})
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.says)
		})
	}
}
