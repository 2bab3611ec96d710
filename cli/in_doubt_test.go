package cli

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestHintsOfAnUndecidedJobTellBothWays(t *testing.T) {
	t.Parallel()
	s := &session{invocation: &invocation{name: "jobctl"}}
	id := uuid.MustParse("01890000-0000-7000-8000-000000000001")
	hint := s.goOn(t.Context(), &model.JobView{ID: id, Status: model.Failed, CurrentStep: "pay", InDoubt: []string{"pay it"}})
	assert.Contains(t, hint, `died in the middle of step "pay it"`)
	assert.Contains(t, hint, `resume `+id.String()+` --rerun-from 'pay it'`)
	assert.Contains(t, hint, `resume `+id.String()+` --skip-step 'pay it'`)
}

// A resume that only lacks a word about an undecided step is no wrong usage, and
// is told of the flags and not of Go; one that names a wrong step is.
func TestAnUndecidedJobIsRefusedInTheWordsOfTheCommandLine(t *testing.T) {
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

	b := setupOn(t, text)
	b.opts.Register = func(r *Registry) error { return r.Register(d) }
	for _, args := range [][]string{{"resume", id}, {"resume", "--dry-run", id}} {
		assert.Contains(t, b.fails(ExitFailed, args...), "resume with --rerun-from 'pay it' to run it again, or with --skip-step 'pay it' to go on behind it")
		assert.Contains(t, b.fails(ExitFailed, append(args, "--skip-step", "pay it")...), "resume with --rerun-from ship to", "one flag is not enough")
		assert.Contains(t, b.fails(ExitUsage, append(args, "--rerun-from", "pay")...), `there is no step "pay" to go on from`)
	}
	assert.Contains(t, b.ok("show", id), `resume `+id+` --skip-step 'pay it'`)
	b.ok("resume", "--dry-run", "--skip-step", "pay it", "--skip-step", "ship", id)
	assert.Equal(t, "job "+id+" is scheduled, with no step left to run\n", b.ok("resume", "--skip-step", "pay it", "--skip-step", "ship", id))
}
