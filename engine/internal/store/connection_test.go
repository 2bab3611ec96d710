package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/testutil"
)

// Values stand in the SQL as literals. A host's own connection may have settings
// under which a value ends elsewhere than it was written to, and the rest of it
// is run.
func TestNewRejectsAConnectionThatChangesValues(t *testing.T) {
	t.Parallel()
	texts := map[testutil.Kind]string{
		testutil.MariaDB:  testutil.EmptyDSN(t, testutil.MariaDB),
		testutil.Postgres: testutil.EmptyDSN(t, testutil.Postgres),
	}
	for _, test := range []struct {
		kind          testutil.Kind
		setting, says string
	}{
		{testutil.MariaDB, "SET NAMES gbk", "character set is gbk"},
		{testutil.MariaDB, "SET NAMES big5", "character set is big5"},
		{testutil.MariaDB, "SET NAMES sjis", "character set is sjis"},
		{testutil.MariaDB, "SET NAMES latin1", "character set is latin1"},
		{testutil.MariaDB, "SET NAMES utf8mb3", "character set is utf8mb3"},
		{testutil.MariaDB, "SET character_set_client = gbk", "set charset=utf8mb4"},
		{testutil.MariaDB, "SET character_set_connection = latin1", "set charset=utf8mb4"},
		{testutil.MariaDB, "SET character_set_results = latin1", "set charset=utf8mb4"},
		{testutil.MariaDB, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "turn off NO_BACKSLASH_ESCAPES"},
		{testutil.Postgres, "SET client_encoding = 'GBK'", "set charset=utf8mb4 (MySQL, MariaDB) or client_encoding=UTF8"},
		{testutil.Postgres, "SET client_encoding = 'LATIN1'", "character set is LATIN1"},
		{testutil.Postgres, "SET standard_conforming_strings = off", "turn on standard_conforming_strings"},
	} {
		t.Run(test.setting, func(t *testing.T) {
			t.Parallel()
			db := testutil.Open(t, texts[test.kind])
			db.SetMaxOpenConns(1)
			_, err := db.ExecContext(t.Context(), test.setting)
			require.NoError(t, err)
			_, err = store.New(t.Context(), db)
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.says)
		})
	}
}
