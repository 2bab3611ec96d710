package cli

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestDemoMigratesEnqueuesRunsAndTellsWhere(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, text string) {
		b := setupOn(t, text)
		got := b.run("demo")
		require.Equal(t, ExitOK, got.code, got.stderr)
		assert.Contains(t, got.stderr, "made the tables")
		assert.Contains(t, got.stdout, "enqueued job ")
		for _, step := range []string{"pick", "pack", "ship"} {
			assert.Contains(t, got.stdout, "done "+step+" in ")
		}
		assert.Regexp(t, `job \S+ has succeeded in \d+m?s\nthe parcel is \{"packed": ?"ship"\}\n$`, got.stdout)
		id := idOf(t, got.stdout)
		assert.Equal(t, "Demo order", b.status(id).Name)

		assert.NotEqual(t, id, idOf(t, b.ok("demo")), "a job that has succeeded is not run again")
	})
}

func TestDemoGoesOnWithAJobWhoseProcessWasKilled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.abandon(1200 * time.Millisecond)
	got := b.run("demo")
	require.Equal(t, ExitOK, got.code, got.stderr)
	assert.Contains(t, got.stdout, "found job "+id+", which is being processed: waiting for the killed run's lease to run out (1s)")
	assert.Contains(t, got.stdout, "found job "+id+`, which was interrupted: going on with step "pack"`)
	assert.Regexp(t, `skipped pick: completed at 20\S+Z by an earlier run`, got.stdout)
	assert.Contains(t, got.stdout, "done pack in ")
	assert.Contains(t, got.stdout, "the parcel is ")
}

func TestDemoThatFailsGoesOnNextTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.run("demo", "--data", `{"fail":"pack","fixed":true}`)
	assert.Equal(t, ExitFailed, got.code)
	id := idOf(t, got.stdout)
	assert.Contains(t, got.stderr, "job "+id+` failed: step "pack": out of stock`)
	assert.Contains(t, got.stderr, `go on with step "pack": `+b.program()+` demo; begin a new one: `+b.program()+` demo --fresh`)

	got = b.run("demo", "--data", `{}`)
	assert.Equal(t, ExitOK, got.code)
	assert.Contains(t, got.stdout, "found job "+id+", which failed: going on with step \"pack\"")
	assert.Contains(t, got.stdout, "skipped pick: ")
	assert.Contains(t, got.stderr, "--data is for a new job and not used")
}

func TestDemoFreshMakesANewJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.abandon(300 * time.Millisecond)
	got := b.run("demo", "--fresh")
	require.Equal(t, ExitOK, got.code, got.stderr)
	assert.NotEqual(t, old, idOf(t, got.stdout))
	assert.Equal(t, model.Cancelled, b.status(old).Status)
}

func TestDemoHandsItsJobOverWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	demo := b.start("demo", "--data", `{"wait":"pack"}`)
	b.entersStep("pack")
	demo.stdout.waitFor("done pick in ")
	demo.signal(os.Interrupt)
	got := demo.wait()
	assert.Equal(t, ExitInterrupted, got.code)
	id := idOf(t, got.stdout)
	assert.Contains(t, got.stderr, "job "+id+" has been handed over; go on with it: "+b.program()+" demo")
	assert.Equal(t, model.Scheduled, b.status(id).Status)

	close(b.shop.open)
	out := b.ok("demo")
	assert.Contains(t, out, "found job "+id+", which was stopped: going on with step \"pack\"")
	assert.Contains(t, out, "skipped pick: ")
}

func TestDemoShowsAJobThatAnotherProcessRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.enqueue(`{"wait":"pack"}`)
	b.worker("--lease", "600ms")
	b.entersStep("pack")
	demo := b.start("demo")
	demo.stdout.waitFor("runs: showing it")
	close(b.shop.open)
	got := demo.wait()
	assert.Equal(t, ExitOK, got.code, got.stderr)
	assert.Contains(t, got.stdout, "job "+id+" has succeeded")
}

func TestDemoSpeaksJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.run("-o", "json", "demo")
	require.Equal(t, ExitOK, got.code, got.stderr)
	lines := jsonLines(t, got.stdout)
	assert.Equal(t, "succeeded", lines[len(lines)-1]["status"])
	assert.Contains(t, got.stderr, "the parcel is ")
}
