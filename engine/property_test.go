package engine_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// property checks a property with that many random cases, or as many as the flag
// -rapid.checks says.
func property(t *testing.T, checks int, holds func(*rapid.T)) {
	t.Helper()
	set := flag.Lookup("rapid.checks")
	if before := set.Value.String(); before == set.DefValue {
		require.NoError(t, set.Value.Set(strconv.Itoa(checks)))
		defer func() { require.NoError(t, set.Value.Set(before)) }()
	}
	rapid.Check(t, holds)
}

// trial is the test of one case, for functions that need a testing.TB: a failure is one of
// the case, so that rapid searches for a smaller one.
type trial struct {
	testing.TB
	*rapid.T
}

func (t trial) Cleanup(fn func())                 { t.T.Cleanup(fn) }
func (t trial) Context() context.Context          { return t.TB.Context() }
func (t trial) Error(args ...any)                 { t.T.Error(args...) }
func (t trial) Errorf(format string, args ...any) { t.T.Errorf(format, args...) }
func (t trial) Fail()                             { t.T.Fail() }
func (t trial) FailNow()                          { t.T.FailNow() }
func (t trial) Failed() bool                      { return t.T.Failed() }
func (t trial) Fatal(args ...any)                 { t.T.Fatal(args...) }
func (t trial) Fatalf(format string, args ...any) { t.T.Fatalf(format, args...) }
func (t trial) Helper()                           {}
func (t trial) Log(args ...any)                   { t.T.Log(args...) }
func (t trial) Logf(format string, args ...any)   { t.T.Logf(format, args...) }
func (t trial) Name() string                      { return t.TB.Name() }
func (t trial) Skip(args ...any)                  { t.T.Skip(args...) }
func (t trial) SkipNow()                          { t.T.SkipNow() }
func (t trial) Skipf(format string, args ...any)  { t.T.Skipf(format, args...) }
func (t trial) Output() io.Writer                 { return t.TB.Output() }

// drawSteps draws a definition of one to eight steps.
func drawSteps(t *rapid.T) []stepKind {
	kinds := make([]stepKind, rapid.IntRange(1, 8).Draw(t, "steps"))
	grouped := 0 // members that follow
	for i := range kinds {
		kind := &kinds[i]
		kind.weight = float64(rapid.IntRange(1, 9).Draw(t, "weight"))
		kind.undo = rapid.IntRange(0, 3).Draw(t, "undo") == 0
		if grouped == 0 && rapid.IntRange(0, 4).Draw(t, "group") == 0 {
			grouped = rapid.IntRange(1, 3).Draw(t, "members")
			kind.group = i + 1
		} else if grouped > 0 {
			kind.group = kinds[i-1].group
		}
		if grouped > 0 {
			grouped--
			continue // members end in any order: they have no other options
		}
		kind.inTx = rapid.IntRange(0, 3).Draw(t, "in a transaction") == 0
		kind.attempts = rapid.IntRange(0, 3).Draw(t, "attempts")
		kind.fails = max(0, rapid.IntRange(-4, 3).Draw(t, "fails"))
		kind.when = rapid.IntRange(0, 3).Draw(t, "condition") == 0
		kind.wanted = kind.when && rapid.Bool().Draw(t, "wanted")
	}
	return kinds
}

// diaryOf is what the functions of a definition have recorded.
type diaryOf struct {
	mu     sync.Mutex
	calls  []int
	undone []int
	ran    []int // steps, in the order of their calls in the latest run
	undid  []int // the same of their undo
}

func stepName(i int) string { return fmt.Sprint("step-", i) }

var errStep = errors.New("the step fails")

// definition makes a definition of those steps. Each records that it was called, and
// returns its number as the output.
func (d *diaryOf) definition(kinds []stepKind, resumeOnCrash int) *steps.Definition[input] {
	d.calls, d.undone = make([]int, len(kinds)), make([]int, len(kinds))
	definition := steps.Define[input](steps.ResumeOnCrash(resumeOnCrash))
	var group *steps.Group[input]
	for i, kind := range kinds {
		call := func(ctx context.Context) (int, error) {
			if ctx.Err() != nil {
				return 0, context.Cause(ctx)
			}
			d.mu.Lock()
			defer d.mu.Unlock()
			d.calls[i]++
			d.ran = append(d.ran, i)
			if d.calls[i] <= kind.fails {
				return 0, errStep
			}
			return d.calls[i], nil
		}
		opts := []steps.Option{steps.Weight(kind.weight)}
		if kind.attempts > 0 {
			opts = append(opts, steps.Retry(kind.attempts, 1))
		}
		if kind.when {
			opts = append(opts, steps.When(func(*steps.Run[input]) bool { return kind.wanted }, "not wanted"))
		}
		if kind.undo {
			opts = append(opts, steps.Undo(func(context.Context, *steps.Run[input], int) error {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.undone[i]++
				d.undid = append(d.undid, i)
				return nil
			}))
		}
		plain := func(ctx context.Context, _ *steps.Run[input]) (int, error) { return call(ctx) }
		switch {
		case kind.group > 0:
			if i == 0 || kinds[i-1].group != kind.group {
				group = steps.Parallel(definition, fmt.Sprint("group-", kind.group))
			}
			steps.Add(group, stepName(i), plain, opts...)
		case kind.inTx:
			steps.InTx(definition, stepName(i), func(ctx context.Context, _ steps.Tx, _ *steps.Run[input]) (int, error) { return call(ctx) }, opts...)
		default:
			steps.Add(definition, stepName(i), plain, opts...)
		}
	}
	return definition
}

// moment returns a place as a moment of the harness.
func (p place) moment() testutil.Moment {
	switch p.at {
	case "before":
		return testutil.BeforeStep(stepName(p.step))
	case "returned":
		return testutil.BeforeRecord(stepName(p.step))
	default:
		return testutil.AfterStep(stepName(p.step))
	}
}

// Random definitions are killed, stopped, cancelled and resumed at random moments. Each job
// then matches a small reference: its status, each step's record and output, how often each
// function is called and undone, and in which order. Progress never falls, and is 1 for a
// job that has succeeded and for no other.
func TestRandomJobsMatchTheReference(t *testing.T) {
	t.Parallel()
	property(t, 25, func(r *rapid.T) {
		kinds := drawSteps(r)
		resumeOnCrash := rapid.IntRange(0, 2).Draw(r, "resume on crash")
		ref, diary := newReference(kinds, resumeOnCrash), &diaryOf{}
		h := testutil.NewHarness(trial{t, r}, diary.definition(kinds, resumeOnCrash), testutil.Within(patience))
		h.Enqueue(input{})
		progress := 0.0
		for range rapid.IntRange(1, 6).Draw(r, "events") {
			diary.ran, diary.undid = nil, nil
			progress = happen(r, h, ref, progress)
			s := h.Status()
			check(r, s, ref, diary)
			require.GreaterOrEqual(r, s.Progress, progress-1e-9, "progress falls")
			progress = s.Progress
			if s.Status == model.Succeeded {
				return
			}
		}
	})
}

// happen does one random thing to the job and to its reference. It returns the minimum of
// the progress after that.
func happen(r *rapid.T, h *testutil.Harness, ref *reference, progress float64) float64 {
	if ref.status != model.Scheduled {
		if rapid.IntRange(0, 4).Draw(r, "restart") == 0 {
			h.Restart()
			ref.restart()
			return 0
		}
		h.Resume()
		return ref.resume(progress)
	}
	what := rapid.SampledFrom([]string{"run", "kill", "stop", "cancel", "cancel while it does not run"}).Draw(r, "event")
	places := ref.places()
	if what == "stop" || what == "cancel" {
		// What happens to a step in a transaction then depends on how far it is.
		places = slices.DeleteFunc(places, func(at place) bool { return ref.steps[at.by].inTx })
	}
	if len(places) == 0 && what != "cancel while it does not run" {
		what = "run"
	}
	var at place
	if what == "kill" || what == "stop" || what == "cancel" {
		at = rapid.SampledFrom(places).Draw(r, "at")
	}
	switch what {
	case "run":
		h.Run()
		ref.run(func(place) bool { return false })
	case "kill":
		h.Kill(at.moment())
		ref.kill(at)
	case "stop":
		h.Stop(at.moment())
		ref.interrupt(at, model.Scheduled)
	case "cancel":
		h.Cancel(at.moment(), "the test", "")
		ref.interrupt(at, model.Cancelled)
	default:
		require.NoError(r, h.Engine().Cancel(context.Background(), h.Status().ID, "the test", ""))
		if ref.undoes() {
			h.Run() // an engine ends it
		}
		ref.end(model.Cancelled)
	}
	return progress
}

// check compares a job with its reference.
func check(r *rapid.T, s *model.JobView, ref *reference, diary *diaryOf) {
	require.Equal(r, ref.status, s.Status, "%s", s.Error)
	assert.Equal(r, ref.calls, diary.calls, "calls of the steps' functions")
	assert.Equal(r, ref.undone, diary.undone, "calls that undo them")
	for k := 1; k < len(diary.ran); k++ {
		before, now := ref.steps[diary.ran[k-1]], ref.steps[diary.ran[k]]
		together := before.group > 0 && before.group == now.group
		assert.True(r, together || diary.ran[k-1] <= diary.ran[k], "steps run in their order: %v", diary.ran)
	}
	assert.IsDecreasing(r, append([]int{len(ref.steps)}, append(diary.undid, -1)...), "they are undone from the last one on")
	for i, step := range s.Steps {
		switch ref.done[i] {
		case "":
			assert.False(r, step.Status.Done(), "%s is %s", step.Name, step.Status)
		case model.StepCompleted:
			assert.Equal(r, strconv.Itoa(ref.calls[i]), string(step.Output), "what the last call of %s has returned", step.Name)
			fallthrough
		default:
			assert.Equal(r, ref.done[i], step.Status, step.Name)
		}
	}
	if len(s.Steps) == 0 {
		assert.Zero(r, ref.share())
	}
	assert.GreaterOrEqual(r, s.Progress, ref.share()-1e-3)
	assert.Equal(r, s.Status == model.Succeeded, s.Progress == 1, "progress %v of a job that is %s", s.Progress, s.Status)
	if s.Status == model.Succeeded {
		last := len(ref.steps) - 1
		want := ""
		if ref.done[last] == model.StepCompleted {
			want = strconv.Itoa(ref.calls[last])
		}
		assert.Equal(r, want, string(s.Result), "the last step's output")
	}
}
