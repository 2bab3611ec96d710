package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
)

// Whatever the arguments of enqueue, the job is as they say, or the error says what
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
