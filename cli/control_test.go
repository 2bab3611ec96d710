package cli

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestCancelResumeRestartAndDeletePrintTheNewStatus(t *testing.T) {
	t.Parallel()
	testdb.EachDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		id := f.enqueue(`{}`)
		statusAfter := func(args ...string) (s model.JobView) {
			require.NoError(t, json.Unmarshal([]byte(f.ok(append([]string{"-o", "json"}, args...)...)), &s))
			return s
		}
		s := statusAfter("cancel", id, "--by", "ann", "--reason", "no")
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Equal(t, "ann", s.CancelledBy)
		assert.Equal(t, "no", s.CancelReason)
		assert.Equal(t, model.Scheduled, statusAfter("resume", id).Status)
		assert.Equal(t, "job "+id+" is cancelled\n", f.ok("cancel", id))
		assert.NotEmpty(t, f.status(id).CancelledBy, "by the user of the operating system")
		assert.Equal(t, model.Scheduled, statusAfter("restart", id).Status)
		assert.NotZero(t, statusAfter("delete", id).DeletedAt)
		assert.Equal(t, "job "+id+" is scheduled, deleted\n", f.ok("delete", id))
	})
}

func TestAStatusThatDoesNotAllowItExitsWith1(t *testing.T) {
	t.Parallel()
	f := setup(t)
	waiting, done, running := f.enqueue(`{}`, "--in", "1h"), f.enqueue(`{}`), f.enqueue(`{"wait":"pack"}`)
	f.worker()
	f.ok("watch", done)
	f.entersStep("pack") // of the first job
	f.entersStep("pack")
	for _, args := range [][]string{
		{"resume", waiting}, {"restart", waiting}, {"resume", done}, {"restart", done}, {"cancel", done},
		{"resume", running}, {"restart", running}, {"delete", running},
	} {
		got := f.fails(ExitFailed, args...)
		assert.Contains(t, got, args[0]+" job "+args[1]+": it is ", args)
	}
}

func TestADryRunFailsWhereAResumeFails(t *testing.T) {
	t.Parallel()
	f := setup(t)
	waiting, done, deleted, running := f.enqueue(`{}`, "--in", "1h"), f.enqueue(`{}`), f.enqueue(`{}`, "--in", "1h"), f.enqueue(`{"wait":"pack"}`)
	f.ok("cancel", deleted)
	f.ok("delete", deleted)
	f.worker()
	f.ok("watch", done)
	f.entersStep("pack") // of the first job
	f.entersStep("pack")
	for _, id := range []string{waiting, done, deleted} {
		want := f.fails(ExitFailed, "resume", id)
		got := f.run("resume", "--dry-run", id)
		assert.Equal(t, ExitFailed, got.code)
		assert.Equal(t, want, got.stderr)
		assert.Empty(t, got.stdout, "no step would be skipped or run")
	}
	want := "job " + running + ": it is processing; cancel it first; or if its process was killed, wait "
	assert.Contains(t, f.fails(ExitFailed, "resume", running), "resume "+want)
	assert.Contains(t, f.fails(ExitFailed, "resume", "--dry-run", running), "resume "+want)
}

func TestADryRunWorksOnAJobWhoseLeaseHasExpired(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.abandon(time.Millisecond)
	assert.Contains(t, f.ok("resume", "--dry-run", id), "skip  pick")
	assert.Equal(t, model.Processing, f.status(id).Status, "a dry run changes nothing")
	f.ok("resume", id)
}

func TestCancelWaitsForARunningJob(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"wait":"pack"}`)
	f.worker()
	f.entersStep("pack")
	out := f.ok("cancel", id, "--wait")
	assert.Contains(t, out, "cancelled pack after ")
	assert.Equal(t, model.Cancelled, f.status(id).Status)
}

func TestCancelOfARunningJobSaysThatItIsARequest(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"wait":"pack","deaf":true}`)
	f.worker()
	f.entersStep("pack")
	assert.Contains(t, f.ok("cancel", id), "is processing, cancel requested: it becomes cancelled when the step under way has returned")
	assert.Contains(t, f.ok("show", id), "It becomes cancelled when the step under way has returned.")
	assert.Contains(t, f.ok("list"), "processing, cancel requested")

	cancel := f.start("cancel", id, "--wait")
	cancel.stdout.WaitFor("processing(cancel-requested)")
	close(f.shop.open)
	got := cancel.wait()
	assert.Equal(t, ExitOK, got.code, got.stderr)
}

func TestResumeContinuesAndRestartRunsAllAgain(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"fail":"pack","fixed":true}`)
	f.worker()
	f.fails(ExitFailed, "watch", id)

	assert.Contains(t, f.ok("resume", "--dry-run", id), "skip  pick")
	var list []model.ForecastStep
	require.NoError(t, json.Unmarshal([]byte(f.ok("-o", "json", "resume", "--dry-run", id)), &list))
	assert.Equal(t, []model.ForecastStep{
		{Step: "pick", Action: model.ActionSkip, Why: "is recorded as completed"},
		{Step: "pack", Action: model.ActionRun, Why: "is recorded as failed"},
		{Step: "ship", Action: model.ActionRun, Why: "has not run yet"},
	}, list)
	assert.Equal(t, model.Failed, f.status(id).Status, "a dry run changes nothing")

	out := f.ok("resume", id, "--wait")
	assert.Regexp(t, `skipped pick: completed at 20\S+Z by an earlier run`, out)
	assert.Contains(t, out, "done pack in ")
	assert.Equal(t, 1, f.status(id).Resumptions)

	id = f.enqueue(`{"fail":"pack"}`)
	f.fails(ExitFailed, "watch", id)
	got := f.run("restart", id, "--wait")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.stdout, "done pick in ", "it ran again")
}

func TestResumeDryRunShowsARecordThatDoesNotFit(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"fail":"ship"}`)
	f.process(id)

	f.opts.Register = func(r *Registry) error { return r.Register(renamed()) }
	got := f.run("resume", "--dry-run", id)
	assert.Equal(t, ExitFailed, got.code)
	assert.Regexp(t, `unknown +pack +is recorded as completed, but the definition has no step of that name`, got.stdout)
	assert.Contains(t, got.stderr, "dry-run job "+id)
	assert.Contains(t, f.fails(ExitFailed, "resume", id), "do not fit")

	f.opts.Register = nil
	assert.Contains(t, f.fails(ExitUsage, "resume", "--dry-run", id), `does not have its type "shop:order"`)
}

func TestFollowingCanBeInterruptedAndTheJobContinues(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"wait":"pack"}`)
	f.worker()
	f.entersStep("pack")
	watch := f.start("watch", id)
	watch.stdout.WaitFor("processing")
	watch.signal(os.Interrupt)
	got := watch.wait()
	assert.Equal(t, ExitInterrupted, got.code)
	assert.Contains(t, got.stderr, "job "+id+" continues; follow it again with: "+f.program()+" watch "+id)
	assert.Equal(t, model.Processing, f.status(id).Status)
}
