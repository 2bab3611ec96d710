package dsn

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseKnowsTheForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]address{
		"sqlite://jobs.db":               {kind: sqliteFile, path: "jobs.db"},
		"sqlite://path/to/jobs.db":       {kind: sqliteFile, path: "path/to/jobs.db"},
		"sqlite:///abs/jobs.db":          {kind: sqliteFile, path: "/abs/jobs.db"},
		"sqlite:///a%20b/100%25%3F.db":   {kind: sqliteFile, path: "/a b/100%?.db"},
		"SQLite://:memory:":              {kind: sqliteFile, path: memory},
		":memory:":                       {kind: sqliteFile, path: memory},
		"jobs.db":                        {kind: sqliteFile, path: "jobs.db"},
		" ./data/jobs.sqlite\n":          {kind: sqliteFile, path: "./data/jobs.sqlite"},
		"/var/lib/100%/me@home/jobs":     {kind: sqliteFile, path: "/var/lib/100%/me@home/jobs"},
		`C:\jobs.db`:                     {kind: sqliteFile, path: `C:\jobs.db`},
		"postgres://":                    {kind: postgresServer, hosts: []host{{}}},
		"postgres://ann@db/app":          {kind: postgresServer, user: "ann", hosts: []host{{"db", ""}}, database: "app"},
		"postgresql://ann:pw@db:6543/a":  {kind: postgresServer, user: "ann", password: "pw", hasPassword: true, hosts: []host{{"db", "6543"}}, database: "a"},
		"postgres://a:@db/app":           {kind: postgresServer, user: "a", hasPassword: true, hosts: []host{{"db", ""}}, database: "app"},
		"postgres://a:p%40%2F%3A%25@d/a": {kind: postgresServer, user: "a", password: "p@/:%", hasPassword: true, hosts: []host{{"d", ""}}, database: "a"},
		"postgres://a:p@q:r@d/a":         {kind: postgresServer, user: "a", password: "p@q:r", hasPassword: true, hosts: []host{{"d", ""}}, database: "a"},
		"postgres://one:1,[::1]:2,/a":    {kind: postgresServer, hosts: []host{{"one", "1"}, {"[::1]", "2"}, {}}, database: "a"},
		"postgres://%2Frun%2Fpg/a":       {kind: postgresServer, hosts: []host{{"%2Frun%2Fpg", ""}}, database: "a"},
		"postgres:///a?host=/run&user=b": {kind: postgresServer, hosts: []host{{}}, database: "a", params: []param{{"host", "/run"}, {"user", "b"}}},
		"postgres://b@d/a?password=p%26": {kind: postgresServer, user: "b", password: "p&", hasPassword: true, hosts: []host{{"d", ""}}, database: "a"},
		"mysql://u:p@h:3306/d?x=%2Bb+c":  {kind: mysqlServer, user: "u", password: "p", hasPassword: true, hosts: []host{{"h", "3306"}}, database: "d", params: []param{{"x", "+b+c"}}},
		"mariadb://u@unix(/run/m.s)/d":   {kind: mysqlServer, user: "u", socket: "/run/m.s", database: "d"},
		"mysql://u:p@tcp(h:1)/d":         {kind: mysqlServer, user: "u", password: "p", hasPassword: true, hosts: []host{{"h", "1"}}, database: "d"},
		"mysql://u@/d?socket=/run/m.s":   {kind: mysqlServer, user: "u", hosts: []host{{}}, socket: "/run/m.s", database: "d"},
	} {
		got, err := parse(text)
		require.NoError(t, err, text)
		if len(want.params) == 0 {
			want.params = got.params[:0]
		}
		want.scheme = got.scheme
		assert.Equal(t, want, *got, text)
	}
}

func TestMalformedTextIsAnErrorAndNeverShown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"",
		"host=db user=ann password=s3cret dbname=app",
		"password = 's3cret' host=db dbname=jobs.db",
		"ann:s3cret@tcp(db:3306)/app",
		"ann:s3cret://@tcp(db:3306)/app",
		"ann:s3cret@db/jobs.db",
		"ann:s3cret@/app",
		"postgres:ann:s3cret@db/app",
		"file:jobs.db?password=s3cret",
		"mssql://ann:s3cret@db/app",
		"sqlite://",
		"sqlite://ann:s3cret@db/app",
		"sqlite://jobs.db?password=s3cret",
		"sqlite://jobs.db#s3cret",
		"sqlite://a%zs3cret",
		"sqlite://a%00s3cret",
		"jobs.db\x00s3cret",
		"postgres://ann:s3cret@db:port/app",
		"postgres://ann:s3cret@db:0/app",
		"postgres://ann:s3cret@db:65536/app",
		"postgres://ann:s3cret@db:99999999999999999999/app",
		"postgres://ann:s3cret%zz@db/app",
		"postgres://ann:s3cret%@db/app",
		"postgres://ann:s3cret%00@db/app",
		"postgres://an%n:s3cret@db/app",
		"postgres://ann:s3/cret@db/app",
		"postgres://ann:s3?cret@db/app",
		"postgres://ann:s3#cret@db/app",
		"postgres://ann:12#s3cret@db/app",
		"postgres://ann:12/s3cret@db/app",
		"postgres://ann:12?s3cret@db/app",
		"postgres://ann:s3cret",
		"postgres://ann:s3cret@db/app/s3cret",
		"postgres://ann:s3cret@db/%zz",
		"postgres://ann:s3cret@db/app?s3cret",
		"postgres://ann@db/app?password=s3cret&password=s3cret",
		"postgres://ann@db/app?password=s3&cret",
		"postgres://ann@db/app?password=s3cret%zz",
		"postgres://ann@db/app?pass%77ord=s3cret",
		"postgres://ann@db/app?PASSWORD=s3cret",
		"postgres://ann:s3cret@[::1/app",
		"postgres://ann:s3cret@d%zz/app",
		"postgres://ann:s3cret@%2Fa%zz/app",
		"mysql://ann@db/app?password=s3cret",
		"mysql://ann@db/app?Pwd=s3cret",
		"mysql://ann:s3cret@db",
		"mysql://ann:s3cret@one,two/app",
		"mysql://ann:s3cret@unix()/app",
		"mysql://ann:s3cret@unix(/run/app",
		"mysql://ann:s3cret@unix(/run)/app?socket=/run",
		"mysql://ann:s3cret@tcp(db:x)/app",
		"mysql://ann:s3@tcp(x)/cret@db/app",
		"mysql://ann:s3cret@db/app?x;y=1",
	} {
		_, err := parse(text)
		require.ErrorIs(t, err, ErrMalformed, text)
		shown := err.Error() + Redact(text)
		for _, secret := range []string{"s3", "cret"} {
			assert.NotContains(t, shown, secret, text)
		}
		assert.Contains(t, Redact(text), "not shown", text)
	}
}

func TestAdviceFitsTheMistake(t *testing.T) {
	t.Parallel()
	for text, advice := range map[string]string{
		"":                          "postgres://user:password@host:5432/database",
		"mssql://db/app":            "mssql:// is not a database this product knows",
		"postgres://a:b/c@db/app":   "/ is %2F",
		"postgres://a:100%@db/app":  "write a plain % as %25",
		"postgres://a@db:70000/app": "1 to 65535",
		"mysql://a@db":              "names no database; write mysql://user:password@host/database",
		"mysql://a@db/d?password=x": "mysql://user:password@host/database",
		"sqlite://a.db?mode=ro":     "takes no parameters",
		"a:b@tcp(db)/app":           "mysql://user:password@host:3306/database",
	} {
		_, err := parse(text)
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), advice, text)
	}
}

func TestRedactKeepsWhatHelps(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres://ann:s3cret@db:1/app?sslmode=disable": "postgres://ann:xxxxx@db:1/app?sslmode=disable",
		"postgresql://ann@one,two:5/app":                 "postgresql://ann@one,two:5/app",
		"postgres://ann:@db/app":                         "postgres://ann:xxxxx@db/app",
		"postgres://ann@db/app?password=s3cret":          "postgres://ann:xxxxx@db/app",
		"postgres://db/app?sslpassword=s3cret&a=b":       "postgres://db/app?sslpassword=xxxxx&a=b",
		"mysql://ann:s3%40cret@db/app":                   "mysql://ann:xxxxx@db/app",
		"mariadb://ann:s3cret@unix(/run/my.sock)/app":    "mariadb://ann:xxxxx@/app?socket=%2Frun%2Fmy.sock",
		"sqlite:///a%20b.db":                             "sqlite:///a%20b.db",
		"./jobs.db":                                      "./jobs.db",
	} {
		assert.Equal(t, want, Redact(text), text)
		assert.Equal(t, want, Redact(want), "redacting twice")
		assert.Equal(t, strings.Contains(want, mask), HasSecret(text), text)
	}
	assert.False(t, HasSecret("postgres://db"), "Redact writes it another way, and hides nothing")
	assert.True(t, HasSecret("ann:s3cret@tcp(db)/app"), "it cannot be known")
}

func TestWithDatabaseChangesNothingElse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"postgres://ann:p%40w@db:1/app?sslmode=disable": "postgres://ann:p%40w@db:1/o%2Fther?sslmode=disable",
		"mysql://ann@unix(/run/my.sock)/app":            "mysql://ann@/o%2Fther?socket=%2Frun%2Fmy.sock",
	} {
		got, err := WithDatabase(text, "o/ther")
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"jobs.db", "postgres://a:b:c"} {
		_, err := WithDatabase(text, "other")
		assert.ErrorIs(t, err, ErrMalformed)
	}
}

func TestFileIsReadAsThePathItWasMadeOf(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"jobs.db", "/a/b.db", "/what? #1/100%/a@b:c@d=e +.db", `C:\jobs.db`, "päth.db"} {
		a, err := parse(File(path))
		require.NoError(t, err, path)
		assert.Equal(t, path, a.path)
	}
}

func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	config := func(text string) *pgx.ConnConfig {
		a, err := parse(text)
		require.NoError(t, err)
		config, err := postgresConfig(a)
		require.NoError(t, err)
		return config
	}
	plain := config("postgres://ann:p%40w@db:1,[::1]:2/app?sslmode=disable&application_name=x%20%2B")
	assert.Equal(t, pgx.QueryExecModeExec, plain.DefaultQueryExecMode)
	assert.Equal(t, ConnectTimeout, plain.ConnectTimeout)
	assert.Equal(t, "p@w", plain.Password)
	assert.Equal(t, "app", plain.Database)
	assert.Equal(t, "x +", plain.RuntimeParams["application_name"])
	assert.Equal(t, `PostgreSQL database "app" at db:1, [::1]:2`, wherePostgres(plain))
	assert.NotContains(t, plain.ConnString(), "p@w")

	chosen := config("postgres://ann@db/app?default_query_exec_mode=simple_protocol&connect_timeout=3")
	assert.Equal(t, pgx.QueryExecModeSimpleProtocol, chosen.DefaultQueryExecMode)
	assert.Equal(t, "3s", chosen.ConnectTimeout.String())

	a, err := parse("postgres://ann:s3cret@db/app?sslmode=sometimes")
	require.NoError(t, err)
	_, err = postgresConfig(a)
	require.ErrorIs(t, err, ErrMalformed)
	assert.Contains(t, err.Error(), "sslmode")
	assert.NotContains(t, err.Error(), "s3cret")
}

func TestMySQLSettings(t *testing.T) {
	t.Parallel()
	a, err := parse("mysql://ann:p%40w@[::1]:7/app?parseTime=1&loc=UTC&time_zone=%27%2B00:00%27&tx_isolation=READ-COMMITTED&collation=utf8mb4_bin&timeout=3s&lock_wait_timeout=5&tls=true")
	require.NoError(t, err)
	config, err := mysqlConfig(a)
	require.NoError(t, err)
	text := config.FormatDSN()
	for _, part := range []string{
		"ann:p@w@tcp([::1]:7)/app?", "parseTime=true", "clientFoundRows=true", "interpolateParams=true",
		"collation=utf8mb4_bin", "time_zone=%27%2B00%3A00%27", "timeout=3s", "lock_wait_timeout=5", "tls=true",
	} {
		assert.Contains(t, text, part)
	}
	assert.NotContains(t, text, "isolation")
	assert.Nil(t, config.TLS, "the connector makes it for the right host")

	for _, param := range []string{
		"parseTime=false", "loc=Local", "time_zone=SYSTEM", "clientFoundRows=false", "charset=latin1",
		"tx_isolation=SERIALIZABLE", "transaction_isolation=REPEATABLE-READ", "strict=true", "multiStatements=maybe", "timeout=soon",
		"autocommit=0", "completion_type=CHAIN", "sql_select_limit=1", "columnsWithAlias=true", "collation=a'b",
	} {
		a, err := parse("mysql://ann:s3cret@db/app?" + param)
		require.NoError(t, err)
		_, err = mysqlConfig(a)
		require.ErrorIs(t, err, ErrMalformed, param)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}

// FuzzPasswordNeverSurvives puts a password, as it is and as it should be
// written, into every place of every form.
func FuzzPasswordNeverSurvives(f *testing.F) {
	for _, seed := range []string{"s3cret!!", "p@ss/w?o#rd", "%zz%zz%zz", "12345:12345", "a@b(c)/d?e=f", "%2F%40%3A%25", "'quo ted'", "tcp(x)/y@z", "://://@@@@", "0://"} {
		f.Add(seed)
	}
	forms := []string{
		"postgres://ann:%s@db:5432/app", "postgresql://ann:%s@one,two/app?sslmode=disable", "postgres://ann:%s@%2Frun/app",
		"mysql://ann:%s@db:3306/app", "mariadb://ann:%s@unix(/run/my.sock)/app", "mysql://ann:%s@tcp(db)/app?timeout=1s",
		"mysql://ann:%s@/app?socket=/run/x", "postgres://ann:%s@db:bad/app", "mysql://ann:%s@db", "mssql://ann:%s@db/app",
		"ann:%s@tcp(db:3306)/app", "host=db password=%s dbname=jobs.db", "sqlite://ann:%s@db/app",
	}
	query := []string{"postgres://ann@db/app?password=%s", "mysql://ann@db/app?password=%s", "postgres://db/app?sslpassword=%s&sslmode=disable"}
	f.Fuzz(func(t *testing.T, password string) {
		// Shorter ones turn up in anything; these too, by chance.
		if len(password) < 4 {
			return
		}
		check := func(form, written string) {
			text := strings.Replace(form, "%s", written, 1)
			shown := Redact(text)
			if a, err := parse(text); err != nil {
				shown += err.Error()
			} else if a.kind == postgresServer {
				if _, err := postgresConfig(a); err != nil {
					shown += err.Error()
				}
			} else if a.kind == mysqlServer {
				if _, err := mysqlConfig(a); err != nil {
					shown += err.Error()
				}
			}
			// What the same form shows with another password is not from this one.
			innocent := Redact(strings.Replace(form, "%s", "Q", 1)) + Redact("postgres://:") + Redact("") + mask + everyError
			for _, secret := range []string{password, written} {
				if strings.Contains(shown, secret) && !strings.Contains(innocent, secret) {
					t.Errorf("%q of %q shows up in %q", secret, text, shown)
				}
			}
		}
		for _, form := range forms {
			check(form, password)
			check(form, escape(password))
		}
		for _, form := range query {
			check(form, escape(password))
		}
	})
}

// everyError is the fixed text of every error that the fuzzed forms can meet.
var everyError = func() string {
	var all strings.Builder
	for _, text := range []string{
		"", "x:y", "mssql://", "sqlite://", "sqlite://?", "sqlite://a=", "sqlite://%", "\x01", "postgres://(", "postgres://a:0",
		"postgres://%@", "postgres://a:%@", "postgres://x/@", "postgres://x/a/b", "postgres://x/%", "postgres://x?a", "postgres://x?a=1&a=1",
		"postgres://x?a=%", "postgres://x?PASSWORD=", "mysql://x", "mysql://x/a?PASSWORD=", "mysql://a:%00@x/a", "postgres://%2F%", "mysql://unix()/a", "mysql://a,b/c", "mysql://x/y?socket=",
	} {
		if _, err := parse(text); err != nil {
			all.WriteString(err.Error() + "\n")
		}
	}
	return all.String()
}()

// A DSN that is made of a path names that file, whatever the path is; the few paths that no
// DSN can name are errors, and never mistaken for another one.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{"jobs.db", "/what? #1/100%/a@b:c@d=e +.db", `C:\jobs.db`, " a ", "a\nb", ":memory:", "//host/x", "%41", "sqlite://x", "\x7f", "a\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		a, err := parse(File(path))
		if path == "" || strings.Contains(path, "\x00") {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.NoError(t, err, "%q", File(path))
		require.Equal(t, sqliteFile, a.kind)
		if path == memory {
			require.NotEqual(t, memory, a.path, "a file of that name")
			return
		}
		require.Equal(t, path, a.path)
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"sqlite://a.db", "jobs.db", "postgres://a:b@c:1,d/e?f=g", "mysql://a:b@unix(/c)/d?e=f", "mysql://a@tcp([::1]:3)/d", "postgres:///a?host=/run",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown := Redact(text)
		a, err := parse(text)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.Equal(t, shown, Redact(shown), "redacting twice")
		switch a.kind {
		case postgresServer:
			_, _ = postgresConfig(a)
		case mysqlServer:
			_, _ = mysqlConfig(a)
		}
		if a.kind == sqliteFile {
			return
		}
		// Written again and read again, it is the same.
		again, err := parse(a.url(func(p param) string { return p.value }, a.password))
		require.NoError(t, err)
		require.Equal(t, a.password, again.password)
		require.Equal(t, a.user, again.user)
		require.Equal(t, a.database, again.database)
		require.Equal(t, a.socket, again.socket)
		require.Equal(t, a.hostList(), again.hostList())
	})
}
