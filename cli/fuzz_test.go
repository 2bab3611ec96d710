package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
)

// A command line that has been put into order is in order, and has lost none of
// its words, unless it asks for help or ends with a flag that lacks its value.
func FuzzArrange(f *testing.F) {
	for _, seed := range []string{
		"enqueue\nTYPE\n--data\n{}", "-o\njson\nlist\n--limit=3", "list\n-n\n3\n--output\njson", "help\nmigrate\nup", "migrate\nup\n-h", "show\n--\n-x\n--help",
		"enqueue\n--data", "-\n--\n--", "--=\n-=x", "signal\nID\nNAME\n-d\n-", "resume\nID\n--rerun-from=a\n--dry-run", "migrate\nsql\n--database\nmysql",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\n")
		app := newInvocation([]string{"shopctl"}, Options{Demo: &Demo{}}).app()
		once := arrange(app, append([]string{"shopctl"}, words...))
		require.Equal(t, once, arrange(app, once), "in order already")
		asksHelp := func(word string) bool { return isHelp(word) || word == "help" }
		if slices.ContainsFunc(words, asksHelp) || strings.HasPrefix(words[len(words)-1], "-") {
			return // help is for the command; and a flag without its value is all that there is to complain about
		}
		for _, word := range words {
			if !strings.HasPrefix(word, "-") {
				assert.Contains(t, once, word)
			}
		}
	})
}

// Whatever enqueue is given, the job is as was asked for, or the error says what
// is wrong with the command line; nothing else can happen.
func FuzzEnqueue(f *testing.F) {
	for _, seed := range []struct{ jobType, data, in, at, name string }{
		{"a", `{"n":1}`, "5m", "", "A job"}, {"orders:make", `[1e5,"é"]`, "", "2026-10-01T06:00:00Z", ""}, {"a", `{`, "", "", ""}, {"a", "null", "-1s", "", ""},
		{"a", "1", "1h", "2026-10-01T06:00:00Z", ""}, {"a", "1", "", "9999-12-31T23:59:59-23:00", ""}, {"a", "1", "2540400h10m10.000000001s", "", ""}, {" a", "1", "", "", ""},
		{"a", `"\u0000"`, "", "", "x\x00"}, {"a\nb", "1", "", "0001-01-01T00:00:00Z", ""}, {"--", "1", "", "", "-"}, {"-x", "-5", "0", "", "--name"},
		{"a", strings.Repeat("[", 100) + strings.Repeat("]", 100), "", "", ""}, {"a", "1e999", "1e3s", "yesterday", "\xff"},
	} {
		f.Add(seed.jobType, seed.data, seed.in, seed.at, seed.name)
	}
	f.Fuzz(func(t *testing.T, jobType, data, in, at, name string) {
		if strings.HasPrefix(data, "@") || data == "-" {
			return // a file, or the standard input
		}
		args := []string{"shopctl", "--dsn", ":memory:", "-o", "json", "enqueue", "--data=" + data}
		for _, flag := range []struct{ name, value string }{{"in", in}, {"at", at}, {"name", name}} {
			if flag.value != "" {
				args = append(args, "--"+flag.name, flag.value)
			}
		}
		var out, errs bytes.Buffer
		before := time.Now()
		code := run(t.Context(), append(args, "--", jobType), Options{Stdout: &out, Stderr: &errs}, nil)
		if code != ExitOK {
			require.Equal(t, ExitUsage, code, "%s", errs.String())
			require.NotEmpty(t, errs.String())
			require.Empty(t, out.String())
			return
		}
		var job model.Job
		require.NoError(t, json.Unmarshal(out.Bytes(), &job), "%s", out.String())
		kept, err := model.ParseData(job.Data)
		require.NoError(t, err)
		require.NoError(t, model.CheckJSON([]byte(data)))
		require.JSONEq(t, data, string(kept.Input))
		require.Equal(t, jobType, job.Type)
		if name != "" {
			require.Equal(t, name, job.Name)
		}
		if at != "" {
			asked, err := time.Parse(time.RFC3339, at)
			require.NoError(t, err)
			require.True(t, job.ScheduledAt.Equal(model.TimeOf(asked).Time) || asked.IsZero(), "%v", job.ScheduledAt)
		}
		if delay, err := time.ParseDuration(in); err == nil && delay > time.Minute {
			require.WithinRange(t, job.ScheduledAt.Time, before.Add(delay).Add(-time.Minute), time.Now().Add(delay).Add(time.Minute))
		}
	})
}

// A job's id is read in the form that it is written in, whatever else is taken
// for one.
func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0f", "{0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0f}", "urn:uuid:0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0f", "0198c0de7a1b7c3d8e4f5a6b7c8d9e0f", "", "0198c0de", "x0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0fx"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := parseID(text)
		if err != nil {
			require.ErrorContains(t, err, fmt.Sprintf("%q is not a job ID", text))
			return
		}
		require.Contains(t, strings.ToLower(strings.ReplaceAll(text, "-", "")), strings.ReplaceAll(id.String(), "-", ""))
		again, err := parseID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, again)
	})
}

// A password is not shown wherever in a word of the command line its DSN stands.
func FuzzSecrets(f *testing.F) {
	for _, seed := range [][2]string{{"", ""}, {"--dsn=", ""}, {"@", "?sslmode=disable"}, {"a,", ",b"}, {`"`, `"`}, {"--data=@", "\n"}, {"sqlite://", ""}, {" ", " "}, {"mysql://x@y/", "%"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Contains(before, "://") {
			return // a DSN in a DSN
		}
		for _, dsn := range []string{"postgres://ann:s3cret@db/app", "ann:s3cret@tcp(db)/app"} {
			word := before + dsn + after
			hide := newSecrets([]string{"shopctl", word}).hide
			for _, message := range []string{word, fmt.Sprintf("%q is not a job ID", word), fmt.Sprintf("unknown flag %s.", word)} {
				require.NotContains(t, hide(message), "s3cret", "%q", word)
			}
		}
	})
}
