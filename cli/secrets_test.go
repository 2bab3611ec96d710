package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/capture"
)

func TestAPasswordIsNeverShown(t *testing.T) {
	t.Parallel()
	const password = "s3cr3t-p%40ss"
	for name, test := range map[string]struct {
		code int
		args []string
	}{
		"PostgreSQL that is not there": {ExitUnreachable, []string{"--dsn", "postgres://u:" + password + "@127.0.0.1:1/db", "list"}},
		"MySQL that is not there":      {ExitUnreachable, []string{"--dsn", "mysql://u:" + password + "@127.0.0.1:1/db", "list"}},
		"worker without its database":  {ExitUnreachable, []string{"--dsn", "postgres://u:" + password + "@127.0.0.1:1/db", "worker"}},
		"malformed DSN":                {ExitUsage, []string{"--dsn", "postgres://u:" + password + "@a b:x/db", "list"}},
		"driver's own form":            {ExitUsage, []string{"--dsn", "u:" + password + "@tcp(127.0.0.1:1)/db", "list"}},
		"DSN for a command":            {ExitUsage, []string{"postgres://u:" + password + "@h/db", "list"}},
		"driver's form for a command":  {ExitUsage, []string{"u:" + password + "@tcp(h)/db", "list"}},
		"DSN for a job":                {ExitUsage, []string{"show", "postgres://u:" + password + "@h/db"}},
		"DSN with quotes for a job":    {ExitUsage, []string{"show", `postgres://u:"` + password + `"@h/db`}},
		"DSN for a status":             {ExitUsage, []string{"list", "--status", "postgres://u:" + password + "@h/db"}},
		"DSN for a number":             {ExitUsage, []string{"list", "--limit", "postgres://u:" + password + "@h/db"}},
		"DSN for a number with =":      {ExitUsage, []string{"list", "--limit=postgres://u:" + password + "@h/db"}},
		"mistyped flag":                {ExitUsage, []string{"--dns=postgres://u:" + password + "@h/db", "list"}},
		"DSN for a format":             {ExitUsage, []string{"-o", "mysql://u:" + password + "@h/db", "list"}},
		"DSN for a file":               {ExitUsage, []string{"enqueue", "x", "--data", "@postgres://u:" + password + "@h/db"}},
		"SQL for a DSN":                {ExitUsage, []string{"migrate", "sql", "--database", "postgres://u:" + password + "@h/db"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := setup(t).run(test.args...)
			assert.Equal(t, test.code, got.code, got.stderr)
			assert.NotEmpty(t, got.stderr)
			for _, secret := range []string{"s3cr3t", password} {
				assert.NotContains(t, got.stdout+got.stderr, secret)
			}
		})
	}
}

func TestThePasswordOfTheHostsOwnDSNIsNotInTheHelp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.opts.DSN = "postgres://u:s3cr3t@h/db"
	got := f.ok("--help")
	assert.Contains(t, got, "postgres://u:xxxxx@h/db")
	assert.NotContains(t, got, "s3cr3t")
}

func TestThePasswordOfTheEnvironmentIsNotInErrorsAndHelp(t *testing.T) {
	t.Setenv(app.DSNVariable, "mysql://u:s3cr3t@127.0.0.1:1/db")
	for _, args := range [][]string{{"shopctl", "list"}, {"shopctl", "--help"}, {"shopctl", "demo", "--help"}} {
		out, errs := capture.NewStream(t), capture.NewStream(t)
		run(t.Context(), args, Options{Stdout: out, Stderr: errs, Demo: &Demo{}}, nil)
		assert.NotContains(t, out.String()+errs.String(), "s3cr3t")
		assert.NotEmpty(t, out.String()+errs.String())
	}
}
