package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// token is a secret of the host; what its jobs keep begins with it.
const token = "tok_83qf-0000"

type payment struct {
	Token string `json:"token"`
}

func (payment) JobType() string { return "shop:payment" }

// picky is a text whose error quotes what it cannot be read from.
type picky string

func (p *picky) UnmarshalJSON(raw []byte) error { return fmt.Errorf("%s is not wanted", raw) }

// payments is a definition that puts the token wherever a host can. Out is what
// its first step returns.
func payments[Out ~string]() *steps.Definition[payment] {
	return steps.DefineFunc(func(in payment) (*steps.Definition[payment], error) {
		if strings.HasSuffix(in.Token, "-wrong") {
			return nil, fmt.Errorf("the token %q is wrong", in.Token)
		}
		d := steps.Define[payment]()
		steps.Add(d, "reserve", func(_ context.Context, run *steps.Run[payment]) (Out, error) {
			run.Progress(1, 1, "reserving with %s", run.Input().Token)
			return Out(run.Input().Token + "-output"), nil
		})
		steps.AwaitSignal[payment, payment](d, "approve")
		steps.Do(d, "charge", func(ctx context.Context, run *steps.Run[payment]) error {
			run.Progress(1, 2, "charging with %s", run.Input().Token)
			if err := run.SetResult(payment{run.Input().Token + "-result"}); err != nil {
				return err
			}
			if err := run.Checkpoint(ctx, payment{run.Input().Token + "-checkpoint"}); err != nil {
				return err
			}
			return errors.New("the bank refused " + run.Input().Token)
		})
		return d, nil
	})
}

// everyCommand runs all commands that show people a job, and returns all that
// they and a worker have written.
func everyCommand(t *testing.T, redact model.Redactor) string {
	f := setup(t)
	f.opts.Engine.Redact = redact
	f.opts.Register = func(r *Registry) error { return r.Register(payments[string]()) }
	var all strings.Builder
	both := func(args ...string) (last string) {
		t.Helper()
		for _, format := range []string{"table", "json"} {
			got := f.run(append([]string{"-o", format}, args...)...)
			fmt.Fprintf(&all, "%q: %d\n%s%s\n", args, got.code, got.stdout, got.stderr)
			last = got.stdout
		}
		return last
	}
	input := fmt.Sprintf(`{"token": %q}`, token)
	var job model.Job
	require.NoError(t, json.Unmarshal([]byte(both("enqueue", "shop:payment", "--data", input, "--key", "one", "--email", token+"@x.org", "--file-url", "https://x.org/?"+token)), &job))
	id := job.ID.String()
	both("enqueue", "shop:payment", "--data", strings.Replace(input, token, token+"-wrong", 1))

	w := f.worker()
	follows := f.start("watch", id)
	followsJSON := f.start("-o", "json", "watch", id)
	follows.stdout.WaitFor("waits")
	both("show", id)
	both("list")
	both("signal", id, "approve", "--data", input)
	for _, c := range []*running{follows, followsJSON} {
		got := c.wait()
		require.Equal(t, ExitFailed, got.code)
		all.WriteString(got.stdout + got.stderr)
	}
	w.signal(os.Interrupt)
	got := w.wait()
	require.Contains(t, got.stderr, "job ended")
	all.WriteString(got.stderr)

	both("show", id)
	both("list")
	f.opts.Register = func(r *Registry) error { return r.Register(payments[picky]()) }
	both("resume", "--dry-run", id)
	both("resume", id)
	both("restart", id)
	both("cancel", id, "--reason", "leaked "+token)
	both("show", id)
	both("restart", id)
	both("delete", id)
	return all.String()
}

func TestSecretsOfTheHostAreNotShownAnywhere(t *testing.T) {
	t.Parallel()
	for name, redact := range map[string]model.Redactor{
		"a hook that hides all": func(model.Value) json.RawMessage { return nil },
		"a hook that hides a key": func(v model.Value) json.RawMessage {
			var keep map[string]any
			if json.Unmarshal(v.JSON, &keep) != nil {
				return nil
			}
			keep["token"] = "***"
			raw, _ := json.Marshal(keep)
			return raw
		},
		"a hook that panics":          func(v model.Value) json.RawMessage { panic(string(v.JSON)) },
		"a hook that returns no JSON": func(v model.Value) json.RawMessage { return append([]byte("x"), v.JSON...) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := everyCommand(t, redact)
			for line := range strings.Lines(said) {
				if !strings.HasPrefix(line, `["`) { // what the test has typed itself
					assert.NotContains(t, line, "tok_83qf")
				}
			}
			assert.Contains(t, said, "shop:payment")
		})
	}
}

// What the test above looks for is there to be found.
func TestWithoutAHookAllIsShown(t *testing.T) {
	t.Parallel()
	said := everyCommand(t, nil)
	for _, want := range []string{
		"the bank refused " + token, "charging with " + token, token + "-result", token + "-checkpoint", token + "-output",
		token + "@x.org", "https://x.org/?" + token, token + "-wrong", "leaked " + token, token + "-output\" is not wanted",
	} {
		assert.True(t, strings.Contains(said, want), want)
	}
}
