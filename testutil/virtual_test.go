package testutil_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/cli/dsn"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

const day = 24 * time.Hour

// A trial is ended after 30 days, unless it is approved within a week of the request; the
// mail about that may fail for some hours.
func trial(send func() error) *steps.Definition[Digest] {
	d := steps.Define[Digest]()
	steps.Sleep(d, "trial", 30*day)
	steps.AwaitSignal[Digest, string](d, "approve", steps.Timeout(7*day))
	steps.Do(d, "send", func(context.Context, *steps.Run[Digest]) error { return send() }, steps.Retry(4, time.Hour))
	return d
}

// Time is virtual here: 41 days pass at once, and exactly.
func TestWeeksPassInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failures := 3
		h := testutil.NewHarness(t, trial(func() error {
			if failures--; failures >= 0 {
				return errors.New("no mail today")
			}
			return nil
		}))
		job := h.Enqueue(Digest{})

		s := h.Run() // it is not approved
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "approve": timed out: no signal came within 168h0m0s`, s.Error)
		assert.Equal(t, 37*day, s.FinishedAt.Sub(job.CreatedAt.Time))

		h.Resume()
		assert.Equal(t, `the signal "approve"`, h.RunToWait().WaitsFor)
		time.Sleep(3 * day)
		h.Signal("approve", "ann")
		s = h.Run()
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		took := s.FinishedAt.Sub(job.CreatedAt.Time) - 40*day
		assert.InDelta(t, 3*time.Hour, took, float64(3*time.Hour/5), "three delays of an hour, each with a jitter of a fifth")
		assert.Equal(t, 4, h.RequireStep("send", model.StepCompleted).Attempts)
	})
}

func TestStepsTakeVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := 0
		d := steps.Define[Digest]()
		steps.Do(d, "work", func(ctx context.Context, run *steps.Run[Digest]) error {
			for hour := range 3 {
				run.Progress(hour, 3, "hour %d", hour)
				time.Sleep(time.Hour)
			}
			return nil
		})
		steps.Do(d, "hang", func(ctx context.Context, _ *steps.Run[Digest]) error {
			begun++
			<-ctx.Done()
			return context.Cause(ctx)
		}, steps.Timeout(10*time.Minute), steps.Retry(3, time.Second))
		h := testutil.NewHarness(t, d)
		h.Enqueue(Digest{})

		s := h.Run()

		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, `step "hang"`)
		assert.Equal(t, 3, begun)
		assert.Equal(t, (3 * time.Hour).Milliseconds(), *s.Steps[0].DurationMS)
		took := s.FinishedAt.Sub(s.StartedAt.Time) - 3*time.Hour - 30*time.Minute
		assert.InDelta(t, 3*time.Second, took, float64(3*time.Second/5), "the delays, which pass in place")
		assert.Zero(t, time.Since(s.FinishedAt.Time).Truncate(time.Millisecond), "Run returns at that moment")
	})
}

func TestChildrenTakeVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		nap := steps.Define[bake]()
		steps.Sleep(nap, "nap", 300*day)
		d := steps.Define[Digest]()
		steps.ChildJobs(d, "naps", func(context.Context, *steps.Run[Digest]) ([]steps.Child, error) {
			return []steps.Child{{Input: bake{Loaves: 1}}, {Input: bake{Loaves: 2}}}, nil
		})
		h := testutil.NewHarness(t, d, testutil.Beside(nap))
		job := h.Enqueue(Digest{})

		s := h.Run()

		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.InDelta(t, 300*day, s.FinishedAt.Sub(job.CreatedAt.Time), float64(time.Second))
	})
}

func TestHarnessKillsStopsAndCancelsInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, h := setupBakery(t)
		require.Equal(t, model.Scheduled, h.Stop(testutil.BeforeStep("knead")).Status)
		require.Equal(t, model.Failed, h.Kill(testutil.AtCheckpoint("bake", 1)).Status)
		time.Sleep(30 * day)
		h.Resume()
		require.Equal(t, model.Cancelled, h.Cancel(testutil.AfterStep("knead"), "", "").Status)
		h.Resume()
		require.Equal(t, model.Succeeded, h.Run().Status)
		assert.Equal(t, []int64{1, 3, 1}, b.counts())
	})
}

func TestAMomentAfterAWaitComesInVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := testutil.NewHarness(t, trial(func() error { return nil }))
		h.Enqueue(Digest{}, engine.At(time.Now().Add(365*day)))
		h.Signal("approve", "ann")
		require.Equal(t, model.Failed, h.Kill(testutil.BeforeRecord("send")).Status)
		h.Resume()
		s := h.Run()
		assert.Equal(t, model.Succeeded, s.Status)
		assert.Equal(t, 2, h.RequireStep("send", model.StepCompleted).Attempts)
	})
}

func TestAJobThatDoesNotContinueByItselfIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := steps.Define[Digest]()
		steps.AwaitSignal[Digest, string](d, "approve")
		begin := time.Now()
		text := failure(t, func(t testing.TB) {
			h := testutil.NewHarness(t, d)
			h.Enqueue(Digest{})
			h.Run()
		})
		assert.Contains(t, text, "the job's end does not come: nothing continues by itself any more")
		assert.Contains(t, text, "approve  waiting")
		assert.Less(t, time.Since(begin), time.Minute)
	})
}

func TestAStepThatDoesNotEndEndsTheTestAfterADayOfVirtualTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := steps.Define[Digest]()
		steps.Do(d, "hang", func(ctx context.Context, _ *steps.Run[Digest]) error { <-ctx.Done(); return context.Cause(ctx) })
		text := failure(t, func(t testing.TB) {
			h := testutil.NewHarness(t, d, testutil.Within(time.Hour))
			h.Enqueue(Digest{})
			h.Run()
		})
		assert.Contains(t, text, "the job's end did not come within 1h0m0s")
	})
}

func TestADatabaseWithTheMachinesClockIsRejectedInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, err := dsn.Open(t.Context(), "sqlite://:memory:")
		require.NoError(t, err)
		defer db.Close()
		require.NoError(t, migrations.Migrate(t.Context(), db))
		text := failure(t, func(t testing.TB) { testutil.NewHarness(t, trial(nil), testutil.OnDB(db)) })
		assert.Contains(t, text, "off the bubble's")
		assert.Contains(t, text, "open a database with testdb.Open")

		text = failure(t, func(t testing.TB) { testdb.Open(t, "postgres://nobody@localhost/none") })
		assert.Contains(t, text, "use SQLite there")
		text = failure(t, func(t testing.TB) {
			testutil.CrashEverywhere(t, func() steps.Handler { return trial(nil) }, Digest{}, nil)
		})
		assert.Contains(t, text, "outside of the bubble")
	})
}

func TestAFileHasVirtualTimeToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := testdb.Open(t, dsn.File(t.TempDir()+"/a b%?#.db"))
		require.NoError(t, migrations.Migrate(t.Context(), db))
		h := testutil.NewHarness(t, trial(func() error { return nil }), testutil.OnDB(db))
		h.Enqueue(Digest{})
		h.Signal("approve", "ann")
		s := h.Run()
		assert.Equal(t, 30*day, s.FinishedAt.Sub(s.CreatedAt.Time))
	})
}
