package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// parentOf is a definition whose step "children" enqueues jobs of those types.
func parentOf(jobType string, types []string, opts ...steps.Option) *steps.Definition[input] {
	d := steps.Define[input](steps.Type(jobType))
	steps.Do(d, "before", nothing)
	results := steps.ChildJobs(d, "children", func(_ context.Context, run *steps.Run[input]) (children []steps.Child, _ error) {
		for _, t := range types {
			children = append(children, steps.Child{Input: raw(t), Name: "child " + t})
		}
		return children, nil
	}, append([]steps.Option{steps.Weight(2)}, opts...)...)
	steps.Add(d, "after", func(_ context.Context, run *steps.Run[input]) ([]model.Status, error) {
		var out []model.Status
		for _, r := range results.Output(run) {
			out = append(out, r.Status)
		}
		return out, nil
	})
	return d
}

// childrenOf waits until a job waits for its children, and returns them in their order.
func childrenOf(t *testing.T, eng *engine.Engine, id uuid.UUID) []uuid.UUID {
	t.Helper()
	s := until(t, eng, id, func(s *model.JobView) bool {
		return strings.HasPrefix(s.WaitsFor, "the ") && strings.Contains(s.WaitsFor, "job")
	})
	for _, step := range s.Steps {
		if step.Status == model.StepWaiting {
			return step.Children
		}
	}
	t.Fatal("no step waits")
	return nil
}

func TestAParentWaitsForItsChildrenAndReadsTheirResults(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		release := make(chan struct{})
		slow := steps.Define[input](steps.Type("slow"))
		steps.Do(slow, "half", nothing)
		steps.Do(slow, "rest", func(context.Context, *steps.Run[input]) error { <-release; return nil })
		quick := steps.Define[input](steps.Type("quick"))
		steps.Add(quick, "only", func(_ context.Context, run *steps.Run[input]) (int, error) { return run.Input().N, nil })
		eng := newEngine(t, db, unasked(), parentOf("parent", []string{"quick", "slow"}), quick, slow)
		start(t, eng)
		job := enqueue(t, eng, raw("parent"), engine.Role("staff"), engine.Email("a@b"))
		ids := childrenOf(t, eng, job.ID)
		require.Len(t, ids, 2)
		assert.Equal(t, model.Succeeded, ended(t, eng, ids[0]).Status)
		until(t, eng, ids[1], func(s *model.JobView) bool { return s.CurrentStep == "rest" })
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Empty(t, s.Owner)
		assert.True(t, s.WaitsUntil.IsZero())
		assert.InDelta(t, (1+2*(1+0.5)/2)/4, s.Progress, 1e-9, "before, and three quarters of the children")
		child, err := eng.Status(t.Context(), ids[1])
		require.NoError(t, err)
		assert.Equal(t, job.ID, *child.ParentID)
		assert.Equal(t, "child slow", child.Name)
		assert.Equal(t, "staff", child.Role)
		assert.Equal(t, "a@b", child.Email)
		list, err := eng.List(t.Context(), engine.Filter{Parent: job.ID})
		require.NoError(t, err)
		assert.Len(t, list, 2)
		other := enqueue(t, eng, raw("parent"))
		childrenOf(t, eng, other.ID) // its type was free for it

		close(release)
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `["succeeded","succeeded"]`, string(s.Result))
		var results []model.ChildResult
		require.NoError(t, json.Unmarshal(s.Steps[1].Output, &results))
		assert.Equal(t, model.ChildResult{ID: ids[0], Type: "quick", Status: model.Succeeded, Result: json.RawMessage("1")}, results[0])
		assert.Equal(t, model.Succeeded, ended(t, eng, other.ID).Status)
	})
}

func TestAStepWithoutChildrenCompletesAtOnce(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), parentOf("parent", nil))
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, raw("parent")).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `[]`, string(s.Steps[1].Output))
		assert.EqualValues(t, 1, s.Attempt)
	})
}

func TestWhatCannotBeAChildFailsTheStepBeforeAnyIsEnqueued(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		for name, test := range map[string]struct {
			children []steps.Child
			want     string
		}{
			"own-type": {[]steps.Child{{Input: raw("ok")}, {Input: raw("own-type")}}, `child 2: it is of type "own-type" like its parent`},
			"no-input": {[]steps.Child{{Input: raw("ok")}, {}}, "child 2: its input is nil"},
			"large":    {[]steps.Child{{Input: engine.RawInput{Type: "ok", Input: json.RawMessage(`"` + strings.Repeat("x", 300<<10) + `"`)}}}, "child 1: invalid: input has 307202 bytes"},
			"bad-name": {[]steps.Child{{Input: raw(" x")}}, "child 1: invalid: job type begins or ends with a space"},
			"crowd":    {slicesRepeat(steps.Child{Input: raw("ok")}, 1000), "it has 1000 children: its output has"},
		} {
			d := steps.Define[input](steps.Type(name))
			steps.ChildJobs(d, "children", func(context.Context, *steps.Run[input]) ([]steps.Child, error) { return test.children, nil })
			eng := newEngine(t, db, config(), d)
			stop := start(t, eng)
			s := ended(t, eng, enqueue(t, eng, raw(name)).ID)
			stop()
			assert.Equal(t, model.Failed, s.Status)
			assert.Contains(t, s.Error, test.want)
			list, err := eng.List(t.Context(), engine.Filter{Parent: s.ID})
			require.NoError(t, err)
			assert.Empty(t, list)
		}
	})
}

func slicesRepeat[T any](v T, n int) (out []T) {
	for range n {
		out = append(out, v)
	}
	return out
}

// A child that cannot be resumed keeps its outcome, by which the parent decides.
func TestAChildWhoseTimeIsUpDoesNotStopItsParent(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		late := steps.Define[input](steps.Type("late"), steps.JobTimeout(50*time.Millisecond))
		steps.Do(late, "only", func(ctx context.Context, _ *steps.Run[input]) error { <-ctx.Done(); return ctx.Err() })
		bad := one("bad", func(context.Context, *steps.Run[input]) error {
			if ran.Add(1) == 1 {
				return errBoom
			}
			return nil
		})
		eng := newEngine(t, db, unasked(), parentOf("parent", []string{"late", "bad"}), late, bad)
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		assert.Contains(t, ended(t, eng, job.ID).Error, "2 of its 2 children did not succeed")
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		assert.Contains(t, ended(t, eng, job.ID).Error, "1 of its 2 children did not succeed")
		assert.EqualValues(t, 2, ran.Load(), "the other one has gone on")
	})
}

func TestAFailedChildFailsItsParentAndAResumeResumesItAlone(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran [2]atomic.Int32
		good := one("good", func(context.Context, *steps.Run[input]) error { ran[0].Add(1); return nil })
		bad := one("bad", func(context.Context, *steps.Run[input]) error {
			if ran[1].Add(1) == 1 {
				return errBoom
			}
			return nil
		})
		eng := newEngine(t, db, unasked(), parentOf("parent", []string{"good", "bad"}), good, bad)
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		ids := s.Steps[1].Children
		assert.Equal(t, fmt.Sprintf(`step "children": 1 of its 2 children did not succeed: job %s of type "bad" is failed: step "only": boom`, ids[1]), s.Error)
		assert.InDelta(t, (1+2*0.5)/4, s.Progress, 1e-9, "as it was seen while the other child went on")

		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, ids, s.Steps[1].Children)
		assert.Equal(t, []int32{1, 2}, []int32{ran[0].Load(), ran[1].Load()})
	})
}

func TestFailuresThatAreAllowedAreResults(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), parentOf("parent", []string{"good", "bad"}, steps.AllowFailures()),
			one("good", nothing), one("bad", func(context.Context, *steps.Run[input]) error { return errBoom }))
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, raw("parent")).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `["succeeded","failed"]`, string(s.Result))
		assert.Contains(t, string(s.Steps[1].Output), "boom")
	})
}

func TestChildResultsThatAreTooLargeTogetherAreLeftOut(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		large := steps.Define[input](steps.Type("large"))
		steps.Add(large, "only", func(context.Context, *steps.Run[input]) (string, error) { return strings.Repeat("x", 40<<10), nil })
		eng := newEngine(t, db, unasked(), parentOf("parent", []string{"large", "large"}), large)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, raw("parent")).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Less(t, len(s.Steps[1].Output), 1000)
	})
}

func TestChildrenOfOtherEnginesWakeTheirParentThroughTheDatabase(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		parent := newEngine(t, db, config(), parentOf("parent", []string{"a", "b"}))
		start(t, parent)
		start(t, newEngine(t, db, config(), one("a", nothing)))
		start(t, newEngine(t, db, config(), one("b", nothing)))
		for range 5 {
			s := ended(t, parent, enqueue(t, parent, raw("parent")).ID)
			assert.Equal(t, model.Succeeded, s.Status, s.Error)
		}
	})
}

func TestChildrenWakeParentsOfOtherProcessesByNotification(t *testing.T) {
	t.Parallel()
	text := testdb.DSN(t, testdb.Postgres)
	cfg, l := notifiedOnly(t, text)
	parent := newEngine(t, testdb.Open(t, text), cfg, parentOf("parent", []string{"child"}))
	start(t, parent)
	receive(t, l.ready)
	cfg, l = notifiedOnly(t, text)
	start(t, newEngine(t, testdb.Open(t, text), cfg, one("child", nothing)))
	receive(t, l.ready)
	s := ended(t, parent, enqueue(t, parent, raw("parent")).ID)
	assert.Equal(t, model.Succeeded, s.Status, s.Error)
}

func TestChildrenThatTakeTooLongFailTheStepAndContinue(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), parentOf("parent", []string{"later"}, steps.Timeout(50*time.Millisecond)))
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "children": timed out: 1 of its 1 children have not ended within 50ms, and keep running`, s.Error)
		start(t, newEngine(t, db, config(), one("later", nothing)))
		assert.Equal(t, model.Succeeded, ended(t, eng, s.Steps[1].Children[0]).Status)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		again := ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, again.Status, again.Error)
		assert.Equal(t, s.Steps[1].Children, again.Steps[1].Children)
	})
}

// The children of an earlier step, and those of an earlier round, count neither for the
// progress nor for the wait of the children that a step waits for now.
func TestOnlyTheChildrenThatAStepWaitsForCount(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := parentOf("parent", []string{"good"})
		steps.ChildJobs(d, "more", func(context.Context, *steps.Run[input]) ([]steps.Child, error) {
			return []steps.Child{{Input: raw("nowhere")}}, nil
		}, steps.Weight(4))
		eng := newEngine(t, db, unasked(), d, one("good", nothing))
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		s := until(t, eng, job.ID, func(s *model.JobView) bool { return s.CurrentStep == "more" && s.WaitsFor != "" })
		assert.InDelta(t, 0.5, s.Progress, 1e-9)
		first := s.Steps[3].Children[0]
		require.NoError(t, eng.Cancel(t.Context(), first, "", ""))
		assert.Equal(t, model.Failed, ended(t, eng, job.ID).Status)
		require.NoError(t, eng.Resume(t.Context(), job.ID, engine.RerunFrom("more")))
		second := childrenOf(t, eng, job.ID)
		assert.NotEqual(t, first, second[0], "new ones are enqueued")
		require.NoError(t, eng.Resume(t.Context(), first)) // open, and no longer awaited
		require.NoError(t, eng.Cancel(t.Context(), second[0], "", ""))
		assert.Equal(t, model.Failed, ended(t, eng, job.ID).Status)
	})
}

func TestAJobThatWaitsForChildrenIsNotDeleted(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), parentOf("parent", []string{"nowhere"}))
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		childrenOf(t, eng, job.ID)
		err := eng.Delete(t.Context(), job.ID)
		assert.ErrorIs(t, err, engine.ErrStatus)
		assert.ErrorContains(t, err, "waits for its children: cancel it first")
		require.NoError(t, eng.Cancel(t.Context(), job.ID, "", ""))
		ended(t, eng, job.ID)
		assert.NoError(t, eng.Delete(t.Context(), job.ID))
	})
}
