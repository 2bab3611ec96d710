package dsn_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func scan[T any](t *testing.T, db bun.IDB, query string) (value T) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&value), query)
	return value
}

// change returns the address with one part of it changed.
func change(t *testing.T, text string, part func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(text)
	require.NoError(t, err)
	part(u)
	return u.String()
}

func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, testdb.EmptyDSN(t, testdb.SQLite))
	assert.Equal(t, "wal", scan[string](t, db, "PRAGMA journal_mode"))
	assert.Equal(t, 2, scan[int](t, db, "PRAGMA synchronous"), "FULL")
	assert.Equal(t, 10000, scan[int](t, db, "PRAGMA busy_timeout"))
	assert.Equal(t, 1, scan[int](t, db, "PRAGMA foreign_keys"))
	assert.Equal(t, 1, db.Stats().MaxOpenConnections)
}

func TestSQLiteTransactionsLockAtTheirStart(t *testing.T) {
	t.Parallel()
	text := testdb.EmptyDSN(t, testdb.SQLite)
	one, other := testdb.Open(t, text), testdb.Open(t, text)
	_, err := other.ExecContext(t.Context(), "PRAGMA busy_timeout(0)")
	require.NoError(t, err)
	tx, err := one.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	_, err = other.BeginTx(t.Context(), nil)
	assert.ErrorContains(t, err, "locked")
}

func TestSQLiteFilesAreTheOwnersOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "what? #1 100% @home=.db")
	db := testdb.Open(t, dsn.File(path))
	_, err := db.ExecContext(t.Context(), "CREATE TABLE t (n INT)")
	require.NoError(t, err)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "jobs.db%s", suffix)
	}
}

func TestSQLiteFileThatExistsKeepsItsMode(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	require.NoError(t, os.WriteFile(path, nil, 0o640))
	testdb.Open(t, path)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}

func TestSQLiteErrorsGiveAdvice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text"), []byte(strings.Repeat("this is no database\n", 100)), 0o600))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "link")))
	for path, want := range map[string]struct {
		says        string
		unreachable bool
	}{
		"no/such/folder.db": {"create the folder first", true},
		".":                 {"it is a folder", true},
		"link":              {"symbolic link to a file that does not exist", true},
		"text/jobs.db":      {"not a directory", true},
		"text":              {"not a SQLite database, or it is damaged", false},
	} {
		_, err := dsn.Open(t.Context(), dsn.File(filepath.Join(dir, path)))
		require.ErrorContains(t, err, want.says, path)
		assert.Equal(t, want.unreachable, errors.Is(err, dsn.ErrUnreachable), err)
		assert.ErrorContains(t, err, filepath.Join(dir, path))
	}
	assert.NoFileExists(t, filepath.Join(dir, "nowhere"))
}

func TestMemoryIsPrivateAndStays(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, "sqlite://:memory:")
	other := testdb.Open(t, "sqlite://:memory:")
	_, err := db.ExecContext(t.Context(), "CREATE TABLE t (n INT)")
	require.NoError(t, err)
	// A query that is given up must not take the database with it.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = db.ExecContext(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n")
	require.Error(t, err)
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			_, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES (1)")
			assert.NoError(t, err)
		})
	}
	wait.Wait()
	assert.Equal(t, 10, scan[int](t, db, "SELECT count(*) FROM t"))
	assert.Equal(t, 0, scan[int](t, other, "SELECT count(*) FROM sqlite_master"))
}

func TestManyCanOpenANewSQLiteFileAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		text := testdb.EmptyDSN(t, testdb.SQLite)
		var wait sync.WaitGroup
		for range 16 {
			wait.Go(func() {
				db, err := dsn.Open(t.Context(), text)
				if assert.NoError(t, err) {
					_, err = db.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS t (n INT)")
					assert.NoError(t, err)
					assert.NoError(t, db.Close())
				}
			})
		}
		wait.Wait()
	}
}

func TestSQLiteFileThatIsHeldIsUnreachable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "jobs.db")
	holder, err := sql.Open("sqlite", path) // as another program might open it
	require.NoError(t, err)
	defer holder.Close()
	conn, err := holder.Conn(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE t (n INT)")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err = dsn.Open(ctx, path)
	require.ErrorIs(t, err, dsn.ErrUnreachable)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(start), 5*time.Second, "the context bounds the waiting, not SQLite's time-out of 10 seconds")
}

func TestMySQLSettingsTakeOnTheServer(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, testdb.EmptyDSN(t, testdb.MariaDB))
	assert.Equal(t, "+00:00", scan[string](t, db, "SELECT @@session.time_zone"))
	assert.Equal(t, "READ-COMMITTED", scan[string](t, db, "SELECT variable_value FROM information_schema.session_variables WHERE variable_name IN ('tx_isolation', 'transaction_isolation') LIMIT 1"))
	assert.Equal(t, "utf8mb4", scan[string](t, db, "SELECT @@character_set_connection"))
	_, err := db.ExecContext(t.Context(), "CREATE TABLE t (n INT, at DATETIME(6))")
	require.NoError(t, err)
	at := time.Date(2026, 3, 29, 1, 2, 3, 456789000, time.FixedZone("", 5*3600))
	_, err = db.ExecContext(t.Context(), "INSERT INTO t VALUES (1, ?)", at)
	require.NoError(t, err)
	result, err := db.ExecContext(t.Context(), "UPDATE t SET n = 1")
	require.NoError(t, err)
	found, err := result.RowsAffected()
	require.NoError(t, err)
	assert.EqualValues(t, 1, found, "a row found and not changed counts")
	read := scan[time.Time](t, db, "SELECT at FROM t")
	assert.True(t, at.Equal(read), read)
	assert.Equal(t, time.UTC, read.Location())
	assert.Equal(t, 8, db.Stats().MaxOpenConnections)
}

// A server whose own settings would lose what is written without a transaction, leave the
// next one open, or hide rows, is used without them.
func TestAMySQLServersOwnSettingsLoseNothing(t *testing.T) {
	if os.Getenv("JOBSYSTEM_TEST_MYSQL_DSN") != "" {
		t.Log("the server is given: its settings are not changed")
		return
	}
	text := testdb.EmptyDSN(t, testdb.MariaDB)
	admin := testdb.Open(t, text)
	for name, bad := range map[string]string{"autocommit": "0", "completion_type": "1", "sql_select_limit": "1"} {
		before := scan[string](t, admin, "SELECT @@global."+name)
		_, err := admin.ExecContext(t.Context(), "SET GLOBAL "+name+" = "+bad)
		require.NoError(t, err)
		t.Cleanup(func() {
			if _, err := strconv.ParseUint(before, 10, 64); err != nil {
				before = "'" + before + "'"
			}
			_, err := admin.ExecContext(context.WithoutCancel(t.Context()), "SET GLOBAL "+name+" = "+before)
			assert.NoError(t, err)
		})
	}
	one, other := testdb.Open(t, text), testdb.Open(t, text)
	_, err := one.ExecContext(t.Context(), "CREATE TABLE t (n INT)")
	require.NoError(t, err)
	_, err = one.ExecContext(t.Context(), "INSERT INTO t VALUES (1), (2)")
	require.NoError(t, err)
	assert.Equal(t, 2, scan[int](t, other, "SELECT COUNT(*) FROM t"), "it is committed")
	var all []int
	require.NoError(t, other.NewRaw("SELECT n FROM t").Scan(t.Context(), &all))
	assert.Len(t, all, 2)
	require.NoError(t, one.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO t VALUES (3)")
		return err
	}))
	_, err = one.ExecContext(t.Context(), "INSERT INTO t VALUES (4)")
	require.NoError(t, err)
	assert.Equal(t, 4, scan[int](t, other, "SELECT COUNT(*) FROM t"), "no transaction is open behind a commit")
}

func TestPostgresIsOpenedWithTheUsersOwnParameters(t *testing.T) {
	t.Parallel()
	text := change(t, testdb.EmptyDSN(t, testdb.Postgres), func(u *url.URL) { u.RawQuery = "application_name=a%20b&statement_timeout=4321" })
	db := testdb.Open(t, text)
	assert.Equal(t, "a b", scan[string](t, db, "SHOW application_name"))
	assert.Equal(t, "4321ms", scan[string](t, db, "SHOW statement_timeout"))
	assert.Equal(t, 8, db.Stats().MaxOpenConnections)
}

// The meaning of a text in SQL depends on these settings, and their defaults on a server
// may be changed.
func TestTextsMeanTheSameWhateverTheServersDefaults(t *testing.T) {
	t.Parallel()
	for kind, cases := range map[testdb.Kind][]struct{ param, query, want string }{
		testdb.MariaDB: {
			{"sql_mode='NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES,NO_ZERO_DATE'", "SELECT @@sql_mode", "STRICT_TRANS_TABLES,NO_ZERO_DATE"},
			{"sql_mode=NO_BACKSLASH_ESCAPES", "SELECT @@sql_mode", ""},
			{"sql_mode='EMPTY_STRING_IS_NULL,NO_ZERO_DATE'", "SELECT @@sql_mode", "NO_ZERO_DATE"},
			{"sql_mode=CONCAT('NO_ZERO_DATE,','NO_BACKSLASH_ESCAPES')", "SELECT @@sql_mode", "NO_ZERO_DATE"},
		},
		testdb.Postgres: {
			{"standard_conforming_strings=off", "SHOW standard_conforming_strings", "on"},
			{"options=-c standard_conforming_strings=off", "SHOW standard_conforming_strings", "on"},
			{"client_encoding=LATIN1", "SHOW client_encoding", "UTF8"},
			{"datestyle=German", "SHOW datestyle", "ISO, MDY"},
			{"options=-c datestyle=SQL,DMY", "SHOW datestyle", "ISO, MDY"},
			{"synchronous_commit=off", "SHOW synchronous_commit", "on"},
			{"options=-c synchronous_commit=off", "SHOW synchronous_commit", "on"},
			{"synchronous_commit=remote_apply", "SHOW synchronous_commit", "remote_apply"},
			{"default_transaction_isolation=serializable", "SHOW transaction_isolation", "read committed"},
			{"options=-c default_transaction_isolation=serializable", "SHOW transaction_isolation", "read committed"},
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			text := testdb.DSN(t, kind)
			for _, test := range cases {
				name, value, _ := strings.Cut(test.param, "=")
				db := testdb.Open(t, change(t, text, func(u *url.URL) {
					query := u.Query()
					query.Set(name, value)
					u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
				}))
				assert.Equal(t, test.want, scan[string](t, db, test.query), test.param)
				const hard = `a'b"c\d'; -- 中\`
				var got string
				require.NoError(t, db.NewRaw("SELECT ?", hard).Scan(t.Context(), &got))
				assert.Equal(t, hard, got, test.param)
			}
		})
	}
}

func TestUnixSockets(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := testdb.StartServer(t, testdb.Postgres)
		u, err := url.Parse(server.EmptyDSN(t))
		require.NoError(t, err)
		for _, text := range []string{
			fmt.Sprintf("postgres://%s@%s:%s%s", u.User, url.QueryEscape(server.Socket()), u.Port(), u.Path),
			fmt.Sprintf("postgres://%s@%s?host=%s&port=%s", u.User, u.Path, server.Socket(), u.Port()),
		} {
			assert.Equal(t, 1, scan[int](t, testdb.Open(t, text), "SELECT 1 WHERE inet_server_addr() IS NULL"))
		}
	})
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		server := testdb.StartServer(t, testdb.MariaDB)
		u, err := url.Parse(server.EmptyDSN(t))
		require.NoError(t, err)
		for _, text := range []string{
			fmt.Sprintf("mysql://%s@unix(%s)%s", u.User, server.Socket(), u.Path),
			fmt.Sprintf("mariadb://%s@%s?socket=%s", u.User, u.Path, server.Socket()),
		} {
			assert.Contains(t, scan[string](t, testdb.Open(t, text), "SELECT user()"), "@localhost")
		}
	})
}

const secret = "s3/cr@t%:?#"

func TestAServerThatRejectsTheConnectionSaysWhyAndShowsNoPassword(t *testing.T) {
	t.Parallel()
	codes := map[testdb.Kind]func(error) string{
		testdb.Postgres: func(err error) string {
			if e, ok := errors.AsType[*pgconn.PgError](err); ok {
				return e.Code
			}
			return "none"
		},
		testdb.MariaDB: func(err error) string {
			if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
				return strconv.Itoa(int(e.Number))
			}
			return "none"
		},
	}
	for kind, code := range codes {
		for name, tt := range map[string]struct {
			part              func(*url.URL)
			says              string
			postgres, mariadb string // the server's code
		}{
			"wrong password":   {func(u *url.URL) { u.User = url.UserPassword("jobsystem", secret) }, `check the user name "jobsystem"`, "28P01", "1045"},
			"no such user":     {func(u *url.URL) { u.User = url.UserPassword("nobody", secret) }, `check the user name "nobody"`, "28P01", "1045"},
			"no such database": {func(u *url.URL) { u.Path = "/missing" }, "create the database", "3D000", "1049"},
		} {
			t.Run(string(kind)+" "+name, func(t *testing.T) {
				t.Parallel()
				_, err := dsn.Open(t.Context(), change(t, testdb.EmptyDSN(t, kind), tt.part))
				require.ErrorContains(t, err, tt.says)
				want := map[testdb.Kind]string{testdb.Postgres: tt.postgres, testdb.MariaDB: tt.mariadb}
				assert.Equal(t, want[kind], code(err), "the server's own error can be got at")
				assert.NotErrorIs(t, err, dsn.ErrUnreachable)
				assertNoSecret(t, err)
			})
		}
	}
}

// Of the server's collations, the driver knows only some.
func TestACollationIsTheServers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"utf8mb4_unicode_ci", "utf8mb4_unicode_520_nopad_ci"} {
		db := testdb.Open(t, change(t, testdb.EmptyDSN(t, testdb.MariaDB), func(u *url.URL) { u.RawQuery = "collation=" + name }))
		assert.Equal(t, name, scan[string](t, db, "SELECT @@collation_connection"))
		assert.Equal(t, "utf8mb4", scan[string](t, db, "SELECT @@character_set_client"))
	}
}

// Parameters that only the server knows are a part of the text all the same.
func TestAParameterThatTheServerDoesNotTakeIsMalformed(t *testing.T) {
	t.Parallel()
	for kind, params := range map[testdb.Kind]map[string]string{
		testdb.Postgres: {
			"no_such_setting=1":                "no_such_setting",
			"statement_timeout=soon":           "statement_timeout",
			"shared_buffers=1":                 "shared_buffers",
			"options=-c%20no_such_setting%3D1": "no_such_setting",
		},
		testdb.MariaDB: {
			"no_such_setting=1":            "no_such_setting",
			"sql_mode=NO_SUCH_MODE":        "NO_SUCH_MODE",
			"sql_mode=1+":                  "syntax",
			"max_connections=7":            "max_connections",
			"sort_buffer_size='x'":         "sort_buffer_size",
			"version=7":                    "version",
			"collation=utf8mb4_nowhere_ci": "utf8mb4_nowhere_ci",
			"collation=latin1_swedish_ci":  "latin1_swedish_ci",
			"collation=gbk_chinese_ci":     "collation", // the driver knows it
			"collation=utf8mb4_bin%20x":    "not a name",
			"lc_time_names='xx'":           "xx",
		},
	} {
		for param, says := range params {
			t.Run(string(kind)+" "+param, func(t *testing.T) {
				t.Parallel()
				_, err := dsn.Open(t.Context(), change(t, testdb.EmptyDSN(t, kind), func(u *url.URL) { u.RawQuery = param }))
				require.ErrorIs(t, err, dsn.ErrMalformed)
				assert.NotErrorIs(t, err, dsn.ErrUnreachable)
				assert.ErrorContains(t, err, says)
			})
		}
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	at := closed.Addr().String()
	require.NoError(t, closed.Close())
	password := url.QueryEscape(secret)
	for _, text := range []string{
		"postgres://ann:" + password + "@" + at + "/app",
		"postgres://ann@" + at + "/app?password=" + password,
		"mysql://ann:" + password + "@" + at + "/app",
		"mariadb://ann:" + password + "@tcp(" + at + ")/app",
	} {
		_, err := dsn.Open(t.Context(), text)
		require.ErrorIs(t, err, dsn.ErrUnreachable, text)
		assert.ErrorContains(t, err, at)
		assert.ErrorContains(t, err, `"app"`)
		assert.ErrorContains(t, err, "connection refused")
		assertNoSecret(t, err)
	}
	_, err = dsn.Open(t.Context(), "mysql://ann:"+password+"@unix(/no/such/socket)/app")
	require.ErrorIs(t, err, dsn.ErrUnreachable)
	assert.ErrorContains(t, err, "/no/such/socket")
	_, err = dsn.Open(t.Context(), "postgres://ann:"+password+"@nowhere.invalid/app")
	require.ErrorIs(t, err, dsn.ErrUnreachable)
	assert.ErrorContains(t, err, "nowhere.invalid:5432")
	assertNoSecret(t, err)
}

// A server that takes the connection and then says nothing.
func TestContextBoundsOpening(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	for _, scheme := range []string{"postgres", "mysql"} {
		text := scheme + "://ann:" + url.QueryEscape(secret) + "@" + silent.Addr().String() + "/app"
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := dsn.Open(ctx, text)
		require.ErrorIs(t, err, dsn.ErrUnreachable)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assertNoSecret(t, err)

		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = dsn.Open(cancelled, text)
		require.ErrorIs(t, err, context.Canceled)
	}
}

// Without a deadline of the caller too; and also when the pool connects again later.
func TestASilentServerIsNotWaitedForForever(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, silent.Close()) })
	for scheme, limit := range map[string]string{"postgres": "connect_timeout=1", "mysql": "timeout=1s"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			_, err := dsn.Open(context.WithoutCancel(t.Context()), scheme+"://ann:"+url.QueryEscape(secret)+"@"+silent.Addr().String()+"/app?"+limit)
			require.ErrorIs(t, err, dsn.ErrUnreachable)
			assert.ErrorContains(t, err, `"app" at `+silent.Addr().String()+": waited ")
			assert.Regexp(t, `waited [\d.]+s for an answer`, err.Error())
			assertNoSecret(t, err)
		})
	}
}

func TestAServerOutOfConnectionsIsUnreachable(t *testing.T) {
	t.Parallel()
	server := testdb.StartServer(t, testdb.MariaDB)
	text := server.EmptyDSN(t)
	db := testdb.Open(t, text)
	_, err := db.ExecContext(t.Context(), "SET GLOBAL max_connections = 10") // the least it takes
	require.NoError(t, err)
	var conns []*bun.DB
	for range 12 { // and one more for an administrator
		one, err := dsn.Open(t.Context(), text)
		if err != nil {
			require.ErrorIs(t, err, dsn.ErrUnreachable)
			assert.ErrorContains(t, err, "try again later")
			return
		}
		conns = append(conns, one)
		defer one.Close()
	}
	require.Fail(t, "the server took them all", len(conns))
}

// assertNoSecret looks at every error of a chain, in every way fmt prints it,
// and for the one that carries the password where fmt does not look.
func assertNoSecret(t *testing.T, err error) {
	t.Helper()
	_, carries := errors.AsType[*pgconn.ConnectError](err)
	assert.False(t, carries, "pgx's ConnectError holds the whole configuration")
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			shown := fmt.Sprintf(verb, e)
			for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret), "s3/", "s3%2F", "cr%40"} {
				assert.NotContains(t, shown, form)
			}
		}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			assertNoSecret(t, e)
		}
	}
}
