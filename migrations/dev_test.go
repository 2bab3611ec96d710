package migrations_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	bunschema "github.com/uptrace/bun/schema"
	_ "modernc.org/sqlite"
)

var devN atomic.Int64

func eachEmptyDB(t *testing.T, test func(t *testing.T, db *bun.DB)) {
	open := func(t *testing.T, driver, dsn string, d bunschema.Dialect) *bun.DB {
		sqldb, err := sql.Open(driver, dsn)
		require.NoError(t, err)
		db := bun.NewDB(sqldb, d)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	name := func() string { return fmt.Sprintf("mig_dev_%d_%d", os.Getpid(), devN.Add(1)) }
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		db := open(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "x.db")+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)", sqlitedialect.New())
		db.SetMaxOpenConns(1)
		test(t, db)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		n := name()
		admin := open(t, "pgx", "postgres://root@127.0.0.1:5432/test", pgdialect.New())
		_, err := admin.Exec("CREATE DATABASE " + n)
		require.NoError(t, err)
		t.Cleanup(func() { _, _ = admin.Exec("DROP DATABASE " + n + " WITH (FORCE)") })
		test(t, open(t, "pgx", "postgres://root@127.0.0.1:5432/"+n+"?default_query_exec_mode=exec", pgdialect.New()))
	})
	for label, port := range map[string]string{"mariadb": "3306", "mysql": "33970"} {
		if label == "mysql" && os.Getenv("DEV_MYSQL") == "" {
			continue
		}
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			n := name()
			params := "?" + strings.Join([]string{"parseTime=true", "loc=UTC", "time_zone=%27%2B00%3A00%27", "clientFoundRows=true", "interpolateParams=true"}, "&")
			admin := open(t, "mysql", "root@tcp(127.0.0.1:"+port+")/"+params, mysqldialect.New(mysqldialect.WithTimeLocation("UTC")))
			_, err := admin.Exec("CREATE DATABASE " + n)
			require.NoError(t, err)
			t.Cleanup(func() { _, _ = admin.Exec("DROP DATABASE " + n) })
			test(t, open(t, "mysql", "root@tcp(127.0.0.1:"+port+")/"+n+params, mysqldialect.New(mysqldialect.WithTimeLocation("UTC"))))
		})
	}
}
