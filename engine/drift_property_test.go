package engine_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// drifted is a step of a changed definition: which step it was originally, and its name
// now.
type drifted struct {
	origin int // -1 for a new one
	name   string
	was    string // declared older name, empty for none
}

// drawDrift draws how the steps of a definition have changed: each of them may be renamed
// or removed, declared or not, or moved, and new ones are added.
func drawDrift(t *rapid.T, n int) (now []drifted, removed []string) {
	for i := range n {
		if rapid.IntRange(0, 7).Draw(t, "insert") == 0 {
			now = append(now, drifted{origin: -1, name: fmt.Sprint("new-", i)})
		}
		switch rapid.IntRange(0, 9).Draw(t, "change") {
		case 0:
			now = append(now, drifted{origin: i, name: fmt.Sprint("renamed-", i), was: stepName(i)})
		case 1:
			now = append(now, drifted{origin: -1, name: fmt.Sprint("renamed-", i)}) // without a WasNamed, it is a new step
		case 2:
			removed = append(removed, stepName(i))
		case 3: // removed without a Removed
		case 4:
			at := rapid.IntRange(0, len(now)).Draw(t, "moved to")
			now = append(now[:at], append([]drifted{{origin: i, name: stepName(i)}}, now[at:]...)...)
		default:
			now = append(now, drifted{origin: i, name: stepName(i)})
		}
	}
	if len(now) == 0 {
		now = append(now, drifted{origin: -1, name: "new"})
	}
	return now, removed
}

// fits reports whether the records of the first done steps, of n, fit the changed
// definition: each has its step or is declared removed, and none comes after a step that is
// not done. The step that failed has a record, too.
func fits(now []drifted, removed []string, done int) bool {
	left := make(map[int]bool)
	for i := range done + 1 {
		left[i] = true
	}
	open := false
	for _, step := range now {
		completed := step.origin >= 0 && step.origin < done
		if completed && open {
			return false
		}
		open = open || !completed
		delete(left, step.origin)
	}
	for _, name := range removed {
		for i := range left {
			if stepName(i) == name {
				delete(left, i)
			}
		}
	}
	return len(left) == 0
}

// A job fails at some step, and its definition changes in random ways before it is resumed:
// either the resume is rejected, with the row unchanged, or each completed record is kept
// unchanged and its step does not run again, but all others do.
func TestAnyDriftIsRejectedOrKeepsEveryRecord(t *testing.T) {
	t.Parallel()
	rejected, resumed := 0, 0
	property(t, 40, func(r *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(r, "steps")
		done := rapid.IntRange(0, n-1).Draw(r, "done")
		now, removed := drawDrift(r, n)
		var calls []string
		add := func(d *steps.Definition[input], name, output string, fails bool, opts ...steps.Option) {
			steps.Add(d, name, func(context.Context, *steps.Run[input]) (string, error) {
				calls = append(calls, name)
				if fails {
					return "", errStep
				}
				return output, nil
			}, opts...)
		}
		before, after := steps.Define[input](), steps.Define[input](steps.Removed(removed...))
		for i := range n {
			add(before, stepName(i), fmt.Sprint("made by ", i), i == done)
		}
		for _, step := range now {
			var opts []steps.Option
			if step.was != "" {
				opts = append(opts, steps.WasNamed(step.was))
			}
			add(after, step.name, "made by the new definition", false, opts...)
		}
		require.NoError(r, after.Validate())
		tb := trial{t, r}
		h := testutil.NewHarness(tb, before, testutil.Within(patience))
		job := h.Enqueue(input{})
		require.Equal(r, model.Failed, h.Run().Status)
		records := h.Records()
		row, err := h.Engine().Job(t.Context(), job.ID)
		require.NoError(r, err)

		calls = nil
		h = testutil.NewHarness(tb, after, testutil.Within(patience), testutil.OnDB(h.DB()))
		h.Follow(job.ID)
		forecast, dry := h.Engine().DryRun(t.Context(), job.ID)
		err = h.Engine().Resume(t.Context(), job.ID)
		require.Equal(r, dry == nil, err == nil, "a dry run reports what a resume does: %v; %v", dry, err)
		require.Equal(r, fits(now, removed, done), err == nil, "%v", err)
		if err != nil {
			rejected++
			assert.ErrorIs(r, err, engine.ErrDrift)
			assert.ErrorIs(r, dry, engine.ErrDrift)
			same, err := h.Engine().Job(t.Context(), job.ID)
			require.NoError(r, err)
			assert.Equal(r, row, same, "the rejected resume has changed nothing")
			return
		}
		resumed++
		for _, step := range forecast {
			assert.NotEqual(r, model.ActionUnknown, step.Action)
		}
		s := h.Run()
		require.Equal(r, model.Succeeded, s.Status, s.Error)
		var want []string
		kept := h.Records()
		require.Len(r, kept, len(now))
		for i, step := range now {
			if step.origin < 0 || step.origin >= done {
				want = append(want, step.name)
				assert.JSONEq(r, `"made by the new definition"`, string(kept[i].Output))
				continue
			}
			old := records[step.origin]
			old.Name = step.name
			if step.was != "" {
				old.BegunAs = step.was
			}
			assert.Equal(r, old, kept[i])
		}
		assert.Equal(r, want, calls, "those that were not done have run, in their order, and no others")
		history := 0
		for _, name := range removed {
			if (model.Data{Steps: records[:done+1]}).Step(name) >= 0 {
				history++
			}
		}
		assert.Len(r, s.History, history, "the records of removed steps are kept")
	})
	assert.NotZero(t, rejected)
	assert.NotZero(t, resumed)
}
