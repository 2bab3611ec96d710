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

func TestDemoMigratesEnqueuesRunsAndSaysWhere(t *testing.T) {
	t.Parallel()
	testdb.EachEmptyDSN(t, func(t *testing.T, text string) {
		f := setupOn(t, text)
		got := f.run("demo")
		require.Equal(t, ExitOK, got.code, got.stderr)
		assert.Contains(t, got.stderr, "made the tables")
		assert.Contains(t, got.stdout, "enqueued job ")
		for _, step := range []string{"pick", "pack", "ship"} {
			assert.Contains(t, got.stdout, "done "+step+" in ")
		}
		assert.Regexp(t, `job \S+ has succeeded in \d+m?s\nthe parcel is \{"packed": ?"ship"\}\n$`, got.stdout)
		id := idOf(t, got.stdout)
		assert.Equal(t, "Demo order", f.status(id).Name)

		assert.NotEqual(t, id, idOf(t, f.ok("demo")), "a job that has succeeded is not run again")
	})
}

func TestDemoContinuesAJobWhoseProcessWasKilled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.abandon(5 * time.Second)
	got := f.run("demo")
	require.Equal(t, ExitOK, got.code, got.stderr)
	assert.Regexp(t, "found job "+id+`, which is being processed: waiting for the killed run's lease to run out \([^)]+s\)`, got.stdout)
	assert.Contains(t, got.stdout, "found job "+id+`, which was interrupted: continuing with step "pack"`)
	assert.Regexp(t, `skipped pick: completed at 20\S+Z by an earlier run`, got.stdout)
	assert.Contains(t, got.stdout, "done pack in ")
	assert.Contains(t, got.stdout, "the parcel is ")
}

func TestDemoThatFailsContinuesNextTime(t *testing.T) {
	t.Parallel()
	f := setup(t)
	got := f.run("demo", "--data", `{"fail":"pack","fixed":true}`)
	assert.Equal(t, ExitFailed, got.code)
	id := idOf(t, got.stdout)
	assert.Contains(t, got.stderr, "job "+id+` failed: step "pack": out of stock`)
	assert.Contains(t, got.stderr, `continue with step "pack": `+f.program()+` demo; make a new one: `+f.program()+` demo --fresh`)

	got = f.run("demo", "--data", `{}`)
	assert.Equal(t, ExitOK, got.code)
	assert.Contains(t, got.stdout, "found job "+id+", which failed: continuing with step \"pack\"")
	assert.Contains(t, got.stdout, "skipped pick: ")
	assert.Contains(t, got.stderr, "--data is for a new job and not used")
}

func TestDemoFreshMakesANewJob(t *testing.T) {
	t.Parallel()
	f := setup(t)
	old := f.abandon(300 * time.Millisecond)
	got := f.run("demo", "--fresh")
	require.Equal(t, ExitOK, got.code, got.stderr)
	assert.NotEqual(t, old, idOf(t, got.stdout))
	assert.Equal(t, model.Cancelled, f.status(old).Status)
}

func TestDemoHandsItsJobOverWhenItIsInterrupted(t *testing.T) {
	t.Parallel()
	f := setup(t)
	demo := f.start("demo", "--data", `{"wait":"pack"}`)
	f.entersStep("pack")
	demo.stdout.WaitFor("done pick in ")
	demo.signal(os.Interrupt)
	got := demo.wait()
	assert.Equal(t, ExitInterrupted, got.code)
	id := idOf(t, got.stdout)
	assert.Contains(t, got.stderr, "job "+id+" has been handed over; continue it: "+f.program()+" demo")
	assert.Equal(t, model.Scheduled, f.status(id).Status)

	close(f.shop.open)
	out := f.ok("demo")
	assert.Contains(t, out, "found job "+id+", which was stopped: continuing with step \"pack\"")
	assert.Contains(t, out, "skipped pick: ")
}

func TestDemoShowsAJobThatAnotherProcessRuns(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.enqueue(`{"wait":"pack"}`)
	f.worker("--lease", "600ms")
	f.entersStep("pack")
	demo := f.start("demo")
	demo.stdout.WaitFor("runs: showing it")
	close(f.shop.open)
	got := demo.wait()
	assert.Equal(t, ExitOK, got.code, got.stderr)
	assert.Contains(t, got.stdout, "job "+id+" has succeeded")
}

func TestDemoSpeaksJSON(t *testing.T) {
	t.Parallel()
	f := setup(t)
	got := f.run("-o", "json", "demo")
	require.Equal(t, ExitOK, got.code, got.stderr)
	lines := jsonLines(t, got.stdout)
	assert.Equal(t, "succeeded", lines[len(lines)-1]["status"])
	assert.Contains(t, got.stderr, "the parcel is ")
}
