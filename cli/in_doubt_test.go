package cli

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// A resume that does not say what becomes of a step in doubt is no wrong usage, and
// its error names flags and not Go; one that names a wrong step is.
func TestAJobInDoubtIsNotResumedAndTheErrorNamesFlags(t *testing.T) {
	t.Parallel()
	d := steps.Define[order]()
	both := steps.Parallel(d, "both")
	shipping := make(chan struct{})
	steps.Do(both, "pay it", func(context.Context, *steps.Run[order]) error {
		<-shipping
		return nil
	}, steps.StopOnCrash())
	steps.Do(both, "ship", func(ctx context.Context, _ *steps.Run[order]) error {
		close(shipping)
		<-ctx.Done()
		return context.Cause(ctx)
	}, steps.StopOnCrash())
	text := testdb.DSN(t, testdb.SQLite)
	h := testutil.NewHarness(t, d, testutil.OnDB(testdb.Open(t, text)))
	id := h.Enqueue(order{}).ID.String()
	h.Kill(testutil.BeforeRecord("pay it"))

	f := setupOn(t, text)
	f.opts.Register = func(r *Registry) error { return r.Register(d) }
	for _, args := range [][]string{{"resume", id}, {"resume", "--dry-run", id}} {
		assert.Contains(t, f.fails(ExitFailed, args...), "resume with --rerun-from 'pay it' to run it again, or with --skip-step 'pay it' to skip it")
		assert.Contains(t, f.fails(ExitFailed, append(args, "--skip-step", "pay it")...), "resume with --rerun-from ship to", "one flag is not enough")
		assert.Contains(t, f.fails(ExitUsage, append(args, "--rerun-from", "pay")...), `there is no step "pay" to rerun from`)
	}
	assert.Contains(t, f.ok("show", id), `resume `+id+` --skip-step 'pay it'`)
	f.ok("resume", "--dry-run", "--skip-step", "pay it", "--skip-step", "ship", id)
	assert.Equal(t, "job "+id+" is scheduled, with no step left to run\n", f.ok("resume", "--skip-step", "pay it", "--skip-step", "ship", id))
}
