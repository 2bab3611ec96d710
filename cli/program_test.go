package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/capture"
	"github.com/ntxdev/jobsystem/cli/internal/command"
	"github.com/ntxdev/jobsystem/cli/internal/view"
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
			call := app.NewCall(args, app.Host{Stdout: capture.NewStream(t), Stderr: capture.NewStream(t), DSN: "host.db"})
			_ = command.Run(t.Context(), call, args, nil) // that the command is missing does not matter
			assert.Equal(t, test.want, call.Program())
			assert.Equal(t, test.want, call.Hide(call.Program()), "as a note shows it")

			note := call.PasswordNote("continue with: " + call.Program() + " resume x")
			assert.Equal(t, strings.Contains(test.want, "xxxxx"), note != "", note)
			assert.Empty(t, call.PasswordNote("it has ended"))
		})
	}
}

func TestCommandsAreProposedForTheDatabaseThatWasNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ann's jobs.db")
	f := setupOn(t, path)
	program := "shopctl --dsn " + view.ShellWord(path)
	assert.Contains(t, f.fails(ExitUnreachable, "list"), "make it with: "+program+" migrate up")

	got := f.run("demo", "--data", `{"fail":"pack"}`)
	assert.Contains(t, got.stderr, program+" demo; make a new one: "+program+" demo --fresh")
	id := idOf(t, got.stdout)
	assert.Contains(t, f.ok("show", id), program+" resume "+id+"\nStart over: "+program+" restart "+id)
	assert.Contains(t, f.fails(ExitFailed, "watch", id), program+" resume "+id)
	assert.Contains(t, f.ok("show", f.enqueue(`{}`)), "("+program+" worker)")
}

func TestCommandsAreProposedWithoutFlagForTheDatabaseOfTheEnvironment(t *testing.T) {
	f := setup(t)
	id := f.enqueue(`{"fail":"pack"}`)
	f.process(id)
	t.Setenv(app.DSNVariable, f.dsn)
	out := capture.NewStream(t)
	run(t.Context(), []string{"shopctl", "show", id}, Options{Stdout: out, Stderr: capture.NewStream(t)}, nil)
	assert.Contains(t, out.String(), "Start over: shopctl restart "+id)
}

func TestAProposedCommandHoldsNoPassword(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		if isSQLite(text) {
			return // it has none
		}
		_, rest, _ := strings.Cut(text, "://")
		user, _, _ := strings.Cut(rest, "@")
		_, password, found := strings.Cut(user, ":")
		if !found && os.Getenv("JOBSYSTEM_TEST_POSTGRES_DSN")+os.Getenv("JOBSYSTEM_TEST_MYSQL_DSN") != "" {
			return // a given server's user may have none
		}
		require.True(t, found, "the server's DSN has a password")

		f := setupOn(t, text)
		id := f.enqueue(`{"fail":"pack"}`)
		f.process(id)
		for _, got := range []string{f.ok("show", id), f.fails(ExitFailed, "watch", id)} {
			assert.Regexp(t, `shopctl --dsn \S+:xxxxx@\S+ resume `+id, got)
			assert.Contains(t, got, "Put the password in for xxxxx")
			assert.NotContains(t, got, ":"+password+"@")
		}
		assert.NotContains(t, f.ok("show", f.enqueue(`{}`, "--in", "1h")), ":"+password+"@")
	})
}
