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
		b := setupOn(t, text)
		id := b.enqueue(`{}`)
		statusAfter := func(args ...string) (s model.JobView) {
			require.NoError(t, json.Unmarshal([]byte(b.ok(append([]string{"-o", "json"}, args...)...)), &s))
			return s
		}
		s := statusAfter("cancel", id, "--by", "ann", "--reason", "no")
		assert.Equal(t, model.Cancelled, s.Status)
		assert.Equal(t, []string{"ann", "no"}, []string{s.CancelledBy, s.CancelReason})
		assert.Equal(t, model.Scheduled, statusAfter("resume", id).Status)
		assert.Equal(t, "job "+id+" is cancelled\n", b.ok("cancel", id))
		assert.NotEmpty(t, b.status(id).CancelledBy, "by the user of the operating system")
		assert.Equal(t, model.Scheduled, statusAfter("restart", id).Status)
		assert.NotZero(t, statusAfter("delete", id).DeletedAt)
		assert.Equal(t, "job "+id+" is scheduled, deleted\n", b.ok("delete", id))
	})
}

func TestAStatusThatDoesNotAllowItExitsWith1(t *testing.T) {
	t.Parallel()
	b := setup(t)
	waiting, done, running := b.enqueue(`{}`, "--in", "1h"), b.enqueue(`{}`), b.enqueue(`{"wait":"pack"}`)
	b.worker()
	b.ok("watch", done)
	b.entersStep("pack") // of the first job
	b.entersStep("pack")
	for _, args := range [][]string{
		{"resume", waiting}, {"restart", waiting}, {"resume", done}, {"restart", done}, {"cancel", done},
		{"resume", running}, {"restart", running}, {"delete", running},
	} {
		got := b.fails(ExitFailed, args...)
		assert.Contains(t, got, args[0]+" job "+args[1]+": it is ", args)
	}
}

func TestADryRunRefusesWhatAResumeRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	waiting, done, deleted, running := b.enqueue(`{}`, "--in", "1h"), b.enqueue(`{}`), b.enqueue(`{}`, "--in", "1h"), b.enqueue(`{"wait":"pack"}`)
	b.ok("cancel", deleted)
	b.ok("delete", deleted)
	b.worker()
	b.ok("watch", done)
	b.entersStep("pack") // of the first job
	b.entersStep("pack")
	for _, id := range []string{waiting, done, deleted} {
		want := b.fails(ExitFailed, "resume", id)
		got := b.run("resume", "--dry-run", id)
		assert.Equal(t, ExitFailed, got.code)
		assert.Equal(t, want, got.stderr)
		assert.Empty(t, got.stdout, "no step would be skipped or run")
	}
	want := "job " + running + ": it is processing; cancel it first; or if its process was killed, wait "
	assert.Contains(t, b.fails(ExitFailed, "resume", running), "resume "+want)
	assert.Contains(t, b.fails(ExitFailed, "resume", "--dry-run", running), "resume "+want)
}

func TestADryRunTakesAJobWhoseLeaseHasRunOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.abandon(time.Millisecond)
	assert.Contains(t, b.ok("resume", "--dry-run", id), "skip  pick")
	assert.Equal(t, model.Processing, b.status(id).Status, "a dry run changes nothing")
	b.ok("resume", id)
}

func TestCancelWaitsForARunningJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"wait":"pack"}`)
	b.worker()
	b.entersStep("pack")
	out := b.ok("cancel", id, "--wait")
	assert.Contains(t, out, "cancelled pack after ")
	assert.Equal(t, model.Cancelled, b.status(id).Status)
}

func TestCancelOfARunningJobSaysThatItIsARequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"wait":"pack","deaf":true}`)
	b.worker()
	b.entersStep("pack")
	assert.Contains(t, b.ok("cancel", id), "is processing, cancel requested: it becomes cancelled when the step under way has returned")
	assert.Contains(t, b.ok("show", id), "It becomes cancelled when the step under way has returned.")
	assert.Contains(t, b.ok("list"), "processing, cancel requested")

	cancel := b.start("cancel", id, "--wait")
	cancel.stdout.waitFor("processing(cancel-requested)")
	close(b.shop.open)
	got := cancel.wait()
	assert.Equal(t, ExitOK, got.code, got.stderr)
}

func TestResumeGoesOnAndRestartBeginsAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"fail":"pack","fixed":true}`)
	b.worker()
	b.fails(ExitFailed, "watch", id)

	assert.Contains(t, b.ok("resume", "--dry-run", id), "skip  pick")
	var list []model.ForecastStep
	require.NoError(t, json.Unmarshal([]byte(b.ok("-o", "json", "resume", "--dry-run", id)), &list))
	assert.Equal(t, []model.ForecastStep{
		{Step: "pick", Action: model.ActionSkip, Why: "is recorded as completed"},
		{Step: "pack", Action: model.ActionRun, Why: "is recorded as failed"},
		{Step: "ship", Action: model.ActionRun, Why: "has not run yet"},
	}, list)
	assert.Equal(t, model.Failed, b.status(id).Status, "a dry run changes nothing")

	out := b.ok("resume", id, "--wait")
	assert.Regexp(t, `skipped pick: completed at 20\S+Z by an earlier run`, out)
	assert.Contains(t, out, "done pack in ")
	assert.Equal(t, 1, b.status(id).Resumptions)

	id = b.enqueue(`{"fail":"pack"}`)
	b.fails(ExitFailed, "watch", id)
	got := b.run("restart", id, "--wait")
	assert.Equal(t, ExitFailed, got.code)
	assert.Contains(t, got.stdout, "done pick in ", "it ran again")
}

func TestResumeDryRunShowsARecordThatDoesNotFit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"fail":"ship"}`)
	b.process(id)

	b.opts.Register = func(r *Registry) error { return r.Register(renamed()) }
	got := b.run("resume", "--dry-run", id)
	assert.Equal(t, ExitFailed, got.code)
	assert.Regexp(t, `unknown +pack +is recorded as completed, but the definition has no step of that name`, got.stdout)
	assert.Contains(t, got.stderr, "dry-run job "+id)
	assert.Contains(t, b.fails(ExitFailed, "resume", id), "do not fit")

	b.opts.Register = nil
	assert.Contains(t, b.fails(ExitUsage, "resume", "--dry-run", id), `does not have its type "shop:order"`)
}

func TestWaitingCanBeInterruptedAndTheJobGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"wait":"pack"}`)
	b.worker()
	b.entersStep("pack")
	watch := b.start("watch", id)
	watch.stdout.waitFor("processing")
	watch.signal(os.Interrupt)
	got := watch.wait()
	assert.Equal(t, ExitInterrupted, got.code)
	assert.Contains(t, got.stderr, "job "+id+" goes on; follow it again with: "+b.program()+" watch "+id)
	assert.Equal(t, model.Processing, b.status(id).Status)
}
