package testutil_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// bake is the input of the definition that these tests interrupt.
type bake struct {
	Loaves int `json:"loaves"`
}

func (bake) JobType() string { return "bakery:bake" }

// bakery counts how often each step has had its effect.
type bakery struct {
	kneaded, baked, sold atomic.Int64

	// onBake, if not nil, is called with each loaf before it counts.
	onBake func(ctx context.Context, run *steps.Run[bake], loaf int) error
}

// definition has a step that only counts, one that checkpoints each loaf, and one that
// reads the others' outputs.
func (b *bakery) definition() *steps.Definition[bake] {
	d := steps.Define[bake]()
	steps.Do(d, "knead", func(context.Context, *steps.Run[bake]) error {
		b.kneaded.Add(1)
		return nil
	})
	loaves := steps.Add(d, "bake", b.bake, steps.Weight(8))
	steps.Add(d, "sell", func(_ context.Context, run *steps.Run[bake]) (string, error) {
		b.sold.Add(1)
		return fmt.Sprintf("%d sold", loaves.Output(run)), nil
	})
	return d
}

func (b *bakery) bake(ctx context.Context, run *steps.Run[bake]) (int, error) {
	done := 0
	if _, err := run.LastCheckpoint(&done); err != nil {
		return 0, err
	}
	for total := run.Input().Loaves; done < total; {
		if b.onBake != nil {
			if err := b.onBake(ctx, run, done+1); err != nil {
				return 0, err
			}
		}
		b.baked.Add(1)
		done++
		run.Progress(done, total, "loaf %d of %d", done, total)
		if err := run.Checkpoint(ctx, done); err != nil {
			return 0, err
		}
	}
	return done, nil
}

func (b *bakery) counts() []int64 { return []int64{b.kneaded.Load(), b.baked.Load(), b.sold.Load()} }

func stepStatuses(records []model.StepRecord) []model.StepStatus {
	out := make([]model.StepStatus, len(records))
	for i, record := range records {
		out[i] = record.Status
	}
	return out
}

func setupBakery(t *testing.T, opts ...testutil.HarnessOption) (*bakery, *testutil.Harness) {
	t.Helper()
	b := &bakery{}
	h := testutil.NewHarness(t, b.definition(), opts...)
	h.Enqueue(bake{Loaves: 3}, engine.Name("tuesday"))
	return b, h
}

func TestHarnessRunsAJobToItsEnd(t *testing.T) {
	t.Parallel()
	b, h := setupBakery(t)

	status := h.Run()

	assert.Equal(t, model.Succeeded, status.Status)
	assert.Equal(t, 100, status.Percent)
	assert.Equal(t, "tuesday", status.Name)
	assert.JSONEq(t, `"3 sold"`, string(status.Result))
	assert.Equal(t, []int64{1, 3, 1}, b.counts())
	var loaves int
	h.Output("bake", &loaves)
	assert.Equal(t, 3, loaves)
	assert.Equal(t, status, h.Status())
}

func TestHarnessKillAfterStep(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		b, h := setupBakery(t, testutil.OnDB(db))

		status := h.Kill(testutil.AfterStep("knead"))

		assert.Equal(t, model.Failed, status.Status)
		assert.Contains(t, status.Error, "interrupted")
		assert.Equal(t, "bake", status.CurrentStep)
		assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepInterrupted, model.StepPending}, stepStatuses(h.Records()))
		assert.Equal(t, []int64{1, 0, 0}, b.counts(), "the step after the moment has not done anything")

		h.Resume()
		status = h.Run()

		assert.Equal(t, model.Succeeded, status.Status)
		assert.Equal(t, 1, status.Resumptions)
		assert.Equal(t, []int64{1, 3, 1}, b.counts(), "the completed step has not run again")
		assert.Equal(t, []int{1, 2, 1}, []int{status.Steps[0].Attempts, status.Steps[1].Attempts, status.Steps[2].Attempts})
	})
}

func TestHarnessKillBeforeRecordMakesTheStepRunAgain(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"knead", "sell"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			b, h := setupBakery(t)

			status := h.Kill(testutil.BeforeRecord(step))

			assert.Equal(t, model.Failed, status.Status)
			assert.Equal(t, step, cmpFirst(status.CurrentStep, "knead"), "where it goes on")
			before := b.counts()

			h.Resume()
			assert.Equal(t, model.Succeeded, h.Run().Status)
			after := b.counts()
			again := map[string]int{"knead": 0, "sell": 2}[step]
			assert.Equal(t, int64(1), before[again])
			assert.Equal(t, int64(2), after[again], "the effect was there and the record was not")
			assert.Equal(t, int64(3), after[1])
		})
	}
}

// cmpFirst returns the step with which a job continues: none is known before the first
// record.
func cmpFirst(current, first string) string {
	if current == "" {
		return first
	}
	return current
}

func TestHarnessKillAtCheckpointKeepsTheCheckpoint(t *testing.T) {
	t.Parallel()
	b, h := setupBakery(t)

	status := h.Kill(testutil.AtCheckpoint("bake", 2))

	assert.Equal(t, model.Failed, status.Status)
	assert.JSONEq(t, `{"step":"bake","value":2}`, string(status.Checkpoints))
	assert.Equal(t, int64(2), b.baked.Load())

	h.Resume()
	assert.Equal(t, model.Succeeded, h.Run().Status)
	assert.Equal(t, []int64{1, 3, 1}, b.counts(), "no loaf was baked twice")
}

func TestHarnessKillsAJobRepeatedly(t *testing.T) {
	t.Parallel()
	b, h := setupBakery(t)
	for _, at := range []testutil.Moment{
		testutil.BeforeStep("knead"),
		testutil.AfterStep("knead"),
		testutil.AtCheckpoint("bake", 1),
		testutil.AtCheckpoint("bake", 1),
		testutil.BeforeRecord("bake"),
		testutil.AfterStep("bake"),
	} {
		require.Equal(t, model.Failed, h.Kill(at).Status, at)
		h.Resume()
	}
	status := h.Run()
	assert.Equal(t, model.Succeeded, status.Status)
	assert.Equal(t, 6, status.Resumptions)
	assert.EqualValues(t, 7, status.Attempt)
	assert.Equal(t, []int64{1, 3, 1}, b.counts())
}

func TestHarnessStopHandsTheJobOver(t *testing.T) {
	t.Parallel()
	for _, at := range []testutil.Moment{
		testutil.BeforeStep("bake"), testutil.AtProgress("bake", 1), testutil.AtCheckpoint("bake", 1), testutil.AfterStep("knead"),
		testutil.BeforeRecord("knead"), testutil.BeforeRecord("bake"),
	} {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			b, h := setupBakery(t)
			b.onBake = func(ctx context.Context, _ *steps.Run[bake], _ int) error { return context.Cause(ctx) }

			status := h.Stop(at)

			assert.Equal(t, model.Scheduled, status.Status)
			assert.Empty(t, status.Error)
			status = h.Run()
			assert.Equal(t, model.Succeeded, status.Status)
			assert.Zero(t, status.Resumptions)
			for _, step := range status.Steps {
				assert.Equal(t, 1, step.Attempts, "being handed over costs step %q no attempt", step.Name)
			}
			assert.Equal(t, []int64{1, 3, 1}, b.counts())
		})
	}
}

func TestHarnessCancelReachesTheStep(t *testing.T) {
	t.Parallel()
	for _, at := range []testutil.Moment{testutil.BeforeStep("bake"), testutil.AtProgress("bake", 1), testutil.AtCheckpoint("bake", 1)} {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			b, h := setupBakery(t)
			b.onBake = func(ctx context.Context, run *steps.Run[bake], _ int) error {
				assert.Equal(t, ctx.Err() != nil, run.Cancelled())
				return context.Cause(ctx)
			}

			status := h.Cancel(at, "ana", "wrong flour")

			assert.Equal(t, model.Cancelled, status.Status)
			assert.Equal(t, "ana", status.CancelledBy)
			assert.Equal(t, "wrong flour", status.CancelReason)
			assert.Empty(t, status.Error)
			assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepCancelled, model.StepPending}, stepStatuses(h.Records()))
			assert.Zero(t, b.sold.Load())

			h.Resume()
			assert.Equal(t, model.Succeeded, h.Run().Status)
			assert.Equal(t, []int64{1, 3, 1}, b.counts())
		})
	}
}

func TestHarnessCancelOfAStepThatCompletes(t *testing.T) {
	t.Parallel()
	b, h := setupBakery(t)
	status := h.Cancel(testutil.BeforeRecord("knead"), "", "")
	assert.Equal(t, model.Cancelled, status.Status)
	assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepPending, model.StepPending}, stepStatuses(h.Records()))
	assert.Equal(t, []int64{1, 0, 0}, b.counts())

	_, h = setupBakery(t)
	status = h.Cancel(testutil.BeforeRecord("sell"), "", "")
	assert.Equal(t, model.Succeeded, status.Status, "the last step has completed all the same")
}

func TestHarnessRunsAFailingJob(t *testing.T) {
	t.Parallel()
	b, h := setupBakery(t)
	b.onBake = func(context.Context, *steps.Run[bake], int) error { return errors.New("the oven is cold") }

	status := h.Run()

	assert.Equal(t, model.Failed, status.Status)
	assert.Equal(t, `step "bake": the oven is cold`, status.Error)
	b.onBake = nil
	h.Restart()
	assert.Equal(t, model.Succeeded, h.Run().Status)
	assert.Equal(t, []int64{2, 3, 1}, b.counts())
}

func TestHarnessRegistersAndBoundsAsTheHostDoes(t *testing.T) {
	t.Parallel()
	type oven struct{}
	b := &bakery{onBake: func(ctx context.Context, _ *steps.Run[bake], _ int) error {
		if ctx.Value(oven{}) != "hot" {
			return errors.New("the context is not the factory's")
		}
		return nil
	}}
	factory := func(ctx context.Context, _ *model.Job) (context.Context, error) {
		return context.WithValue(ctx, oven{}, "hot"), nil
	}
	h := testutil.NewHarness(t, b.definition(), testutil.Registered(engine.ContextFunc(factory)), testutil.Limits(engine.Limits{Output: 5}))
	h.Enqueue(bake{Loaves: 3})

	status := h.Run()

	assert.Equal(t, model.Failed, status.Status)
	assert.Contains(t, status.Error, `step "sell": its output has 8 bytes, more than the bound of 5`)
	assert.Equal(t, []int64{1, 3, 1}, b.counts())
}

func TestHarnessFollowsTheJobEnqueuedLast(t *testing.T) {
	t.Parallel()
	b, h := setupBakery(t)
	last := h.Enqueue(bake{Loaves: 1})

	status := h.Kill(testutil.AfterStep("knead"))

	assert.Equal(t, last.ID, status.ID)
	assert.Equal(t, []int64{2, 3, 1}, b.counts(), "the first one has run before")
	jobs, err := h.Engine().List(t.Context(), engine.Filter{Statuses: []model.Status{model.Succeeded}})
	require.NoError(t, err)
	assert.Len(t, jobs, 1)
}
