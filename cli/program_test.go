package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestAProposedCommandNamesTheDatabaseAsItWasNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"by default":             {nil, "shopctl"},
		"a file":                 {[]string{"--dsn", "h.db"}, "shopctl --dsn h.db"},
		"behind the command":     {[]string{"version", "--dsn=sqlite://a/h.db"}, "shopctl --dsn sqlite://a/h.db"},
		"what shells take apart": {[]string{"--dsn", "ann's jobs.db"}, `shopctl --dsn 'ann'\''s jobs.db'`},
		"a server":               {[]string{"--dsn", "postgres://ann@h/db?sslmode=disable"}, "shopctl --dsn 'postgres://ann@h/db?sslmode=disable'"},
		"a server, in short":     {[]string{"--dsn", "postgres://h"}, "shopctl --dsn postgres://h"},
		"with a password":        {[]string{"--dsn", "mysql://ann:s3cr3t@h/db"}, "shopctl --dsn mysql://ann:xxxxx@h/db"},
		"with one as parameter":  {[]string{"--dsn", "postgres://ann@h/db?sslpassword=s3cr3t"}, "shopctl --dsn 'postgres://ann@h/db?sslpassword=xxxxx'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"shopctl"}, test.args...)
			inv := newInvocation(args, Options{Stdout: newStream(t), Stderr: newStream(t), DSN: "host.db"})
			_ = inv.execute(t.Context(), args) // that the command is missing does not matter
			assert.Equal(t, test.want, inv.program())
			assert.Equal(t, test.want, inv.secret.hide(inv.program()), "as a note shows it")

			note := inv.passwordNote("go on with: " + inv.program() + " resume x")
			assert.Equal(t, strings.Contains(test.want, "xxxxx"), note != "", note)
			assert.Empty(t, inv.passwordNote("it has ended"))
		})
	}
}

func TestAWordForAShellIsTheTextAgain(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil && os.Getenv("JOBSYSTEM_TEST_REQUIRE") == "" {
		t.Skip("no shell here")
	}
	require.NoError(t, err)
	for _, text := range []string{"h.db", "", "a b", "it's", `"$HOME" \n`, "~/x;ls|cat>&2 #`id`", "*?[a]{b,c}!!", "a=b", "ä"} {
		out, err := exec.CommandContext(t.Context(), sh, "-c", "printf %s "+shellWord(text)).Output()
		require.NoError(t, err, shellWord(text))
		assert.Equal(t, text, string(out))
	}
}

func TestCommandsAreProposedForTheDatabaseThatWasNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ann's jobs.db")
	b := setupOn(t, path)
	program := "shopctl --dsn " + shellWord(path)
	assert.Contains(t, b.fails(ExitUnreachable, "list"), "make it with: "+program+" migrate up")

	got := b.run("demo", "--data", `{"fail":"pack"}`)
	assert.Contains(t, got.stderr, program+" demo; begin a new one: "+program+" demo --fresh")
	id := idOf(t, got.stdout)
	assert.Contains(t, b.ok("show", id), program+" resume "+id+"\nBegin anew: "+program+" restart "+id)
	assert.Contains(t, b.fails(ExitFailed, "watch", id), program+" resume "+id)
	assert.Contains(t, b.ok("show", b.enqueue(`{}`)), "("+program+" worker)")
}

func TestCommandsAreProposedWithoutFlagForTheDatabaseOfTheEnvironment(t *testing.T) {
	b := setup(t)
	id := b.enqueue(`{"fail":"pack"}`)
	b.process(id)
	t.Setenv(dsnVariable, b.dsn)
	out := newStream(t)
	run(t.Context(), []string{"shopctl", "show", id}, Options{Stdout: out, Stderr: newStream(t)}, nil)
	assert.Contains(t, out.String(), "Begin anew: shopctl restart "+id)
}

func TestAProposedCommandHoldsNoPassword(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		if databaseOf(text) == migrations.SQLite {
			return // it has none
		}
		_, rest, _ := strings.Cut(text, "://")
		user, _, _ := strings.Cut(rest, "@")
		_, password, found := strings.Cut(user, ":")
		if !found && os.Getenv("JOBSYSTEM_TEST_POSTGRES_DSN")+os.Getenv("JOBSYSTEM_TEST_MYSQL_DSN") != "" {
			return // a given server's user may have none
		}
		require.True(t, found, "the server's DSN has a password")

		b := setupOn(t, text)
		id := b.enqueue(`{"fail":"pack"}`)
		b.process(id)
		for _, got := range []string{b.ok("show", id), b.fails(ExitFailed, "watch", id)} {
			assert.Regexp(t, `shopctl --dsn \S+:xxxxx@\S+ resume `+id, got)
			assert.Contains(t, got, "Put the password in for xxxxx")
			assert.NotContains(t, got, ":"+password+"@")
		}
		assert.NotContains(t, b.ok("show", b.enqueue(`{}`, "--in", "1h")), ":"+password+"@")
	})
}
