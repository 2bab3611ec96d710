package cli

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/cli/internal/capture"
)

const someID = "0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0f"

// Scripts know the numbers.
func TestTheExitCodesAreThoseOfTheDocumentation(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]int{ExitOK: 0, ExitFailed: 1, ExitUsage: 2, ExitNotFound: 3, ExitUnreachable: 4, ExitInterrupted: 130} {
		assert.Equal(t, want, code)
	}
}

func TestAWrongCommandLineExitsWith2AndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no command":                {nil, "no command: want one of demo, worker, enqueue"},
		"unknown command":           {[]string{"lst"}, `unknown command "lst"`},
		"unknown command with help": {[]string{"lst", "--help"}, `unknown command "lst"`},
		"help of unknown command":   {[]string{"help", "lst"}, `unknown command "lst"`},
		"unknown global flag":       {[]string{"--dns", "x", "list"}, "unknown flag --dns; did you mean --dsn?"},
		"unknown flag":              {[]string{"list", "--typ", "x"}, "unknown flag --typ; did you mean --type?"},
		"global flag mistyped late": {[]string{"list", "--dns", "x"}, "unknown flag --dns; did you mean --dsn?"},
		"flag of a subcommand":      {[]string{"migrate", "down", "--yess"}, "unknown flag --yess; did you mean --yes?"},
		"unknown short flag":        {[]string{"list", "-x"}, "unknown flag -x"},
		"flag without its value":    {[]string{"list", "--type"}, "flag needs an argument: -type"},
		"no value, with argument":   {[]string{"cancel", someID, "--by"}, "flag needs an argument: -by"},
		"no value of a global flag": {[]string{"list", "--dsn"}, "flag needs an argument: -dsn"},
		"no subcommand":             {[]string{"migrate"}, "no command: want one of up, down, status, sql"},
		"unknown subcommand":        {[]string{"migrate", "sideways"}, `unknown command "sideways": want one of up`},
		"unknown subcommand's help": {[]string{"migrate", "sideways", "--help"}, `unknown command "sideways"`},
		"unknown output":            {[]string{"-o", "xml", "list"}, `unknown output format "xml": want table or json`},
		"empty DSN":                 {[]string{"--dsn", "", "list"}, "malformed database address: it is empty"},
		"malformed DSN":             {[]string{"--dsn", "oracle://x/y", "list"}, "malformed database address"},
		"argument to list":          {[]string{"list", "x"}, `unexpected argument "x": shopctl list takes none`},
		"unknown status":            {[]string{"list", "--status", "running"}, `unknown status "running": want scheduled, processing, succeeded, failed, cancelled`},
		"limit that is no number":   {[]string{"list", "--limit", "many"}, `invalid value "many" for flag -limit`},
		"limit of zero":             {[]string{"list", "--limit", "0"}, "--limit 0: want 1 or more"},
		"before that is no ID":      {[]string{"list", "--before", "7"}, `"7" is not a job ID`},
		"show without ID":           {[]string{"show"}, "job ID is missing"},
		"show with a bad ID":        {[]string{"show", "7"}, `"7" is not a job ID: want a whole one`},
		"show with two IDs":         {[]string{"show", someID, someID}, "takes one job ID"},
		"cancel with a bad ID":      {[]string{"cancel", "7"}, `"7" is not a job ID`},
		"signal without ID":         {[]string{"signal"}, "job ID is missing"},
		"signal without name":       {[]string{"signal", someID}, "the signal's name is missing"},
		"signal with too much":      {[]string{"signal", someID, "a", "b"}, `unexpected argument "b": shopctl signal takes a job ID and a signal's name`},
		"signal with a bad ID":      {[]string{"signal", "7", "a"}, `"7" is not a job ID`},
		"signal with bad data":      {[]string{"signal", someID, "a", "--data", "{"}, "--data is not JSON"},
		"signal with empty data":    {[]string{"signal", someID, "a", "--data", ""}, "--data is empty"},
		"parent that is no ID":      {[]string{"list", "--parent", "7"}, `--parent: "7" is not a job ID`},
		"resume without ID":         {[]string{"resume"}, "job ID is missing"},
		"restart with a bad ID":     {[]string{"restart", "7"}, `"7" is not a job ID`},
		"delete with a bad ID":      {[]string{"delete", "7"}, `"7" is not a job ID`},
		"watch with a bad ID":       {[]string{"watch", "7"}, `"7" is not a job ID`},
		"enqueue without type":      {[]string{"enqueue", "--data", "{}"}, "job type is missing"},
		"enqueue two types":         {[]string{"enqueue", "a", "b"}, `unexpected argument "b"`},
		"data that is no JSON":      {[]string{"enqueue", "x", "--data", `{"a":}`}, "--data is not JSON at byte 6: invalid character '}'"},
		"empty data":                {[]string{"enqueue", "x", "--data", ""}, "--data is empty"},
		"data cut short":            {[]string{"enqueue", "x", "--data", `{"a":1`}, "--data is not JSON at byte 6: unexpected end of JSON input"},
		"data from no file":         {[]string{"enqueue", "x", "--data", "@/no/such/file"}, `read the file "/no/such/file": open /no/such/file: no such file or directory`},
		"data no database keeps":    {[]string{"enqueue", "x", "--data", `"\u0000"`}, "holds a NUL character"},
		"data of another form":      {[]string{"enqueue", orderType, "--data", `{"fail":7}`}, `--data for a job of type "shop:order": input does not fit`},
		"type that is no name":      {[]string{"enqueue", " x"}, "begins or ends with a space"},
		"time that is none":         {[]string{"enqueue", "x", "--at", "tomorrow"}, `--at "tomorrow" is not a time in RFC 3339`},
		"two times":                 {[]string{"enqueue", "x", "--at", "2026-10-01T06:00:00Z", "--in", "5m"}, "--at and --in exclude each other"},
		"time ago":                  {[]string{"enqueue", "x", "--in", "-5m"}, "--in -5m0s is negative"},
		"worker of an unknown type": {[]string{"worker", "--type", "x"}, `does not have the job type "x": it has ["shop:order"]`},
		"worker with no room":       {[]string{"worker", "--max-running", "0"}, "--max-running 0: want 1 or more"},
		"worker with no lease":      {[]string{"worker", "--lease", "0s"}, "--lease 0s: want more than 0"},
		"worker with odd grace":     {[]string{"worker", "--grace", "-1s"}, "--grace -1s is negative"},
		"worker with odd window":    {[]string{"worker", "--deploy-window", "-1s"}, "--deploy-window -1s is negative"},
		"worker with odd log":       {[]string{"worker", "--log-format", "xml"}, `unknown log format "xml"`},
		"demo with an argument":     {[]string{"demo", "x"}, `unexpected argument "x"`},
		"demo with odd data":        {[]string{"demo", "--data", "{"}, "--data is not JSON"},
		"SQL for no database":       {[]string{"migrate", "sql", "--database", "oracle"}, "oracle"},
		"SQL in no direction":       {[]string{"migrate", "sql", "--direction", "left"}, "left"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			got := f.run(test.args...)
			assert.Equal(t, ExitUsage, got.code, got.stderr)
			assert.Contains(t, got.stderr, test.want)
			assert.Contains(t, got.stderr, "shopctl: ")
			assert.Empty(t, got.stdout)
		})
	}
}

func TestHelpGoesToTheStandardOutput(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"of all by flag":          {[]string{"--help"}, []string{"COMMANDS:", "enqueue", "demo", "Exit codes:", "JOBSYSTEM_DSN"}},
		"of all by short flag":    {[]string{"-h"}, []string{"COMMANDS:"}},
		"of all by word":          {[]string{"help"}, []string{"COMMANDS:"}},
		"of a command by flag":    {[]string{"enqueue", "--help"}, []string{"shopctl enqueue", "--file-url", "TYPE"}},
		"of a command by word":    {[]string{"help", "enqueue"}, []string{"shopctl enqueue", "--file-url"}},
		"behind an argument":      {[]string{"enqueue", "x", "-h"}, []string{"shopctl enqueue"}},
		"of flags with a step":    {[]string{"resume", "--help"}, []string{"--rerun-from STEP", "--skip-step STEP"}},
		"of a group":              {[]string{"migrate", "--help"}, []string{"shopctl migrate", "up", "down", "status", "sql"}},
		"of a subcommand":         {[]string{"migrate", "down", "--help"}, []string{"shopctl migrate down", "--yes"}},
		"of a subcommand by word": {[]string{"help", "migrate", "down"}, []string{"shopctl migrate down", "--yes"}},
		"of demo":                 {[]string{"demo", "--help"}, []string{"An order.", "--fresh"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := setup(t).run(test.args...)
			assert.Equal(t, ExitOK, got.code)
			for _, want := range test.want {
				assert.Contains(t, got.stdout, want)
			}
			assert.Empty(t, got.stderr)
		})
	}
}

func TestFlagsAreReadBeforeAndAfterArguments(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for name, args := range map[string][]string{
		"before":       {"-o", "json", "enqueue", "--name", "n", "x"},
		"behind":       {"-o", "json", "enqueue", "x", "--name", "n"},
		"globals last": {"enqueue", "x", "--name=n", "-o=json"},
		"between":      {"enqueue", "-o", "json", "x", "--name", "n"},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.run(args...)
			assert.Equal(t, ExitOK, got.code, got.stderr)
			assert.Contains(t, got.stdout, `"name": "n"`)
		})
	}
	t.Run("a type that looks like a flag stands behind --", func(t *testing.T) {
		assert.Contains(t, f.ok("enqueue", "--", "-x"), "of type -x")
	})
	t.Run("a type may be called like a command or a flag", func(t *testing.T) {
		for _, jobType := range []string{"help", "list", "name", "h"} {
			assert.Contains(t, f.ok("enqueue", jobType, "--name", "n"), "of type "+jobType)
		}
	})
}

func TestWithoutDemoThereIsNoSuchCommand(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.opts.Demo = nil
	assert.Contains(t, f.fails(ExitUsage, "demo"), `unknown command "demo"`)
	assert.NotContains(t, f.ok("help"), "demo")
}

func TestTheZeroOptionsControlJobs(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.opts = Options{}
	f.ok("enqueue", "x")
	assert.Contains(t, f.ok("types"), "x")
	assert.Contains(t, f.fails(ExitUsage, "worker"), "no definitions are registered")
}

func TestTheDSNOfTheEnvironmentIsUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "from-environment.db")
	t.Setenv(app.DSNVariable, path)
	out, errs := capture.NewStream(t), capture.NewStream(t)
	opts := Options{Stdout: out, Stderr: errs}
	assert.Equal(t, ExitOK, run(t.Context(), []string{"shopctl", "migrate", "up"}, opts, nil), errs)
	assert.FileExists(t, path)

	t.Run("unless it is empty", func(t *testing.T) {
		t.Setenv(app.DSNVariable, "")
		t.Chdir(t.TempDir())
		assert.Equal(t, ExitOK, run(t.Context(), []string{"shopctl", "migrate", "up"}, opts, nil), errs)
		assert.FileExists(t, app.DefaultDSN)
	})
	t.Run("before that of the host", func(t *testing.T) {
		t.Chdir(t.TempDir())
		opts := opts
		opts.DSN = "host.db"
		assert.Equal(t, ExitOK, run(t.Context(), []string{"shopctl", "migrate", "up"}, opts, nil), errs)
		assert.NoFileExists(t, "host.db")
		t.Setenv(app.DSNVariable, "")
		assert.Equal(t, ExitOK, run(t.Context(), []string{"shopctl", "migrate", "up"}, opts, nil), errs)
		assert.FileExists(t, "host.db")
	})
}
