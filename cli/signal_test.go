package cli

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/internal/view"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// ask is the input of jobs that wait.
type ask struct {
	// Orders is how many orders the job has as children.
	Orders int `json:"orders,omitempty"`
	// Naps makes the job sleep instead of asking.
	Naps bool `json:"naps,omitempty"`
}

func (ask) JobType() string { return "shop:ask" }

// waiting registers definitions of jobs that wait for a signal, or for children.
func (h *shop) waiting(r *Registry) error {
	d := steps.DefineFunc(func(in ask) (*steps.Definition[ask], error) {
		d := steps.Define[ask]()
		steps.Do(d, "quote", func(context.Context, *steps.Run[ask]) error { return nil })
		switch {
		case in.Naps:
			steps.Sleep(d, "nap", time.Hour)
		case in.Orders > 0:
			steps.ChildJobs(d, "orders", func(context.Context, *steps.Run[ask]) (list []steps.Child, _ error) {
				for range in.Orders {
					list = append(list, steps.Child{Input: order{}})
				}
				return list, nil
			})
		default:
			steps.AwaitSignal[ask, parcel](d, "sign off")
		}
		return d, nil
	})
	if err := r.Register(d); err != nil {
		return err
	}
	return h.register(r)
}

// ask enqueues a job that waits, and returns when it does.
func (f *fixture) ask(input string) string {
	f.t.Helper()
	id := idOf(f.t, f.ok("enqueue", "shop:ask", "--data", input))
	require.Eventually(f.t, func() bool { return f.status(id).WaitsFor != "" }, patience, 10*time.Millisecond)
	return id
}

func TestSignalMakesAWaitingJobContinue(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		f.opts.Register = f.shop.waiting
		strange := setupOn(t, text) // a command without the definition
		strange.opts.Register = nil
		f.worker()
		id := f.ask(`{}`)
		out := f.ok("show", id)
		for _, want := range []string{
			`Status +scheduled\n`, `Waits +for the signal "sign off"\n`, `Due +when the signal comes\n`, `2 +sign off +waiting`,
			`It continues with the signal: shopctl --dsn .* signal ` + id + ` 'sign off' --data JSON`,
		} {
			assert.Regexp(t, want, out)
		}
		assert.NotContains(t, out, "9999")
		assert.Contains(t, f.ok("list"), `waits for the signal "sign off"`)
		watch := f.start("watch", id)
		watch.stdout.WaitFor(`waits for the signal "sign off"`)

		assert.Equal(t, "job "+id+" has the signal \"extra\", but has no step of that name so far: step \"sign off\" is where it is\n", strange.ok("signal", id, "extra"))
		assert.Contains(t, f.fails(ExitUsage, "signal", id, "other"), `it has no step "other" that waits for a signal`)
		var sent view.SentSignal
		require.NoError(t, json.Unmarshal([]byte(f.ok("-o", "json", "signal", id, "sign off", "--data", `{"packed":"all"}`, "--by", "ann")), &sent))
		assert.Equal(t, id, sent.JobID.String())
		assert.Equal(t, "sign off", sent.Name)
		assert.Equal(t, "ann", sent.SentBy)
		assert.False(t, sent.Existing)
		assert.JSONEq(t, `{"packed":"all"}`, string(sent.Payload))
		got := watch.wait()
		assert.Equal(t, ExitOK, got.code, got.stderr)
		assert.NotContains(t, got.stdout, "skipped quote")
		assert.Regexp(t, `Step "sign off" has the signal "sign off", sent by ann at 20\S+Z\.`, f.ok("show", id))
		assert.Contains(t, f.fails(ExitFailed, "signal", id, "sign off"), "signal job "+id+": it is succeeded; it waits for nothing more")
	})
}

func TestASecondSignalPrintsTheFirst(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.opts.Register = f.shop.waiting
	id := idOf(t, f.ok("enqueue", "shop:ask"))
	assert.Equal(t, "job "+id+" has the signal \"sign off\", for a step of that name\n", f.ok("signal", id, "sign off", "--by", "ann"))
	assert.Regexp(t, `^job `+id+` has the signal "sign off" already, sent by ann at 20\S+Z: that one counts\n$`, f.ok("signal", id, "sign off", "--by", "bob"))
	var sent view.SentSignal
	require.NoError(t, json.Unmarshal([]byte(f.ok("-o", "json", "signal", id, "sign off")), &sent))
	assert.True(t, sent.Existing)
	assert.Equal(t, "ann", sent.SentBy)
	f.worker()
	assert.Contains(t, f.ok("watch", id), "done sign off")
}

func TestShowPrintsUntilWhenAJobSleeps(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.opts.Register = f.shop.waiting
	f.worker()
	id := f.ask(`{"naps":true}`)
	out := f.ok("show", id)
	assert.Regexp(t, `Waits +for step "nap" to end \(at 20\S+Z at the latest\)`, out)
	assert.Regexp(t, `Due +20\S+Z`, out)
	assert.Contains(t, out, "It continues by itself")
}

func TestShowPrintsTheJobsOfAStep(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.opts.Register = f.shop.waiting
	worker := f.worker("--type", "shop:ask")
	id := f.ask(`{"orders":2}`)
	out := f.ok("show", id)
	assert.Regexp(t, `Waits +for the 2 jobs of step "orders"`, out)
	children := f.list("--parent", id)
	require.Len(t, children, 2)
	for _, child := range children {
		assert.Regexp(t, `orders +`+child+` +shop:order +scheduled`, out)
		assert.Regexp(t, `Parent +`+id, f.ok("show", child))
	}
	assert.Contains(t, f.fails(ExitFailed, "delete", id), "cancel it first")
	// The worker may have begun to cancel it.
	assert.Regexp(t, "job "+id+" is (scheduled|processing), cancel requested: it becomes cancelled when|job "+id+" is cancelled", f.ok("cancel", id))
	require.Eventually(t, func() bool { return f.status(id).Status == model.Cancelled }, patience, 10*time.Millisecond)
	assert.Regexp(t, `orders +`+children[0]+` +shop:order +cancelled`, f.ok("show", id))
	worker.signal(os.Interrupt)
	worker.wait()
}
