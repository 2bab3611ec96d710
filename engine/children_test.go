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
	"github.com/ntxdev/jobsystem/testutil"
)

// parentOf is a definition whose step "children" enqueues jobs of those types.
func parentOf(jobType string, types []string, opts ...steps.Option) *steps.Definition[input] {
	d := steps.Define[input](steps.Type(jobType))
	steps.Do(d, "before", nothing)
	results := steps.Children(d, "children", func(_ context.Context, run *steps.Run[input]) (children []steps.Child, _ error) {
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

// childrenOf waits until a job waits for its children, and returns them in
// their order.
func childrenOf(t *testing.T, eng *engine.Engine, id uuid.UUID) []uuid.UUID {
	t.Helper()
	s := until(t, eng, id, func(s *model.JobStatus) bool {
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
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		goOn := make(chan struct{})
		slow := steps.Define[input](steps.Type("slow"))
		steps.Do(slow, "half", nothing)
		steps.Do(slow, "rest", func(context.Context, *steps.Run[input]) error { <-goOn; return nil })
		quick := steps.Define[input](steps.Type("quick"))
		steps.Add(quick, "only", func(_ context.Context, run *steps.Run[input]) (int, error) { return run.Input().N, nil })
		eng := newEngine(t, db, unasked(), parentOf("parent", []string{"quick", "slow"}), quick, slow)
		start(t, eng)
		job := enqueue(t, eng, raw("parent"), engine.Role("staff"), engine.Email("a@b"))
		ids := childrenOf(t, eng, job.ID)
		require.Len(t, ids, 2)
		assert.Equal(t, model.Succeeded, ended(t, eng, ids[0]).Status)
		until(t, eng, ids[1], func(s *model.JobStatus) bool { return s.CurrentStep == "rest" })
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Empty(t, s.Owner)
		assert.True(t, s.WaitsUntil.IsZero())
		assert.InDelta(t, (1+2*(1+0.5)/2)/4, s.Progress, 1e-9, "before, and three quarters of the children")
		child, err := eng.Status(t.Context(), ids[1])
		require.NoError(t, err)
		assert.Equal(t, []any{job.ID, "child slow", "staff", "a@b"}, []any{*child.ParentID, child.Name, child.Role, child.Email})
		list, err := eng.List(t.Context(), engine.Filter{Parent: job.ID})
		require.NoError(t, err)
		assert.Len(t, list, 2)
		other := enqueue(t, eng, raw("parent"))
		childrenOf(t, eng, other.ID) // its type was free for it

		close(goOn)
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `["succeeded","succeeded"]`, string(s.Result))
		var results []steps.ChildResult
		require.NoError(t, json.Unmarshal(s.Steps[1].Output, &results))
		assert.Equal(t, steps.ChildResult{ID: ids[0], Type: "quick", Status: model.Succeeded, Result: json.RawMessage("1")}, results[0])
		assert.Equal(t, model.Succeeded, ended(t, eng, other.ID).Status)
	})
}

func TestAStepWithoutChildrenGoesOnAtOnce(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), parentOf("parent", nil))
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, raw("parent")).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `[]`, string(s.Steps[1].Output))
		assert.EqualValues(t, 1, s.Attempt)
	})
}

func TestWhatCannotBeAChildFailsTheStepBeforeAnyIsEnqueued(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		for name, test := range map[string]struct {
			children []steps.Child
			want     string
		}{
			"own-type": {[]steps.Child{{Input: raw("ok")}, {Input: raw("own-type")}}, `child 2: it is of type "own-type" like its parent`},
			"no-input": {[]steps.Child{{Input: raw("ok")}, {}}, "child 2: its input is nil"},
			"large":    {[]steps.Child{{Input: engine.Raw{Type: "ok", Input: json.RawMessage(`"` + strings.Repeat("x", 300<<10) + `"`)}}}, "child 1: invalid: input has 307202 bytes"},
			"bad-name": {[]steps.Child{{Input: raw(" x")}}, "child 1: invalid: job type begins or ends with a space"},
			"crowd":    {slicesRepeat(steps.Child{Input: raw("ok")}, 1000), "it has 1000 children: its output has"},
		} {
			d := steps.Define[input](steps.Type(name))
			steps.Children(d, "children", func(context.Context, *steps.Run[input]) ([]steps.Child, error) { return test.children, nil })
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

// What a resume would refuse stays as it has ended, and is judged as that.
func TestAChildWhoseTimeIsUpDoesNotKeepItsParentFromGoingOn(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
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
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
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
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), parentOf("parent", []string{"good", "bad"}, steps.AllowFailures()),
			one("good", nothing), one("bad", func(context.Context, *steps.Run[input]) error { return errBoom }))
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, raw("parent")).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.JSONEq(t, `["succeeded","failed"]`, string(s.Result))
		assert.Contains(t, string(s.Steps[1].Output), "boom")
	})
}

func TestResultsThatDoNotFitTogetherAreLeftOut(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		large := steps.Define[input](steps.Type("large"))
		steps.Add(large, "only", func(context.Context, *steps.Run[input]) (string, error) { return strings.Repeat("x", 40<<10), nil })
		eng := newEngine(t, db, unasked(), parentOf("parent", []string{"large", "large"}), large)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, raw("parent")).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Less(t, len(s.Steps[1].Output), 1000)
	})
}

// A cancelled parent waits until the child that runs has returned, and its other
// child and grandchild never run.
func TestCancellingAParentReachesItsWholeFamily(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		begun, goOn := make(chan struct{}, 1), make(chan struct{})
		deafChild := one("deaf", func(ctx context.Context, _ *steps.Run[input]) error {
			begun <- struct{}{}
			<-ctx.Done()
			<-goOn
			return ctx.Err()
		})
		eng := newEngine(t, db, unasked(), parentOf("grandparent", []string{"parent", "nowhere"}), parentOf("parent", []string{"deaf", "nowhere"}), deafChild)
		start(t, eng)
		job := enqueue(t, eng, raw("grandparent"))
		middle := childrenOf(t, eng, job.ID)
		receive(t, begun)
		leaves := childrenOf(t, eng, middle[0])

		require.NoError(t, eng.Cancel(t.Context(), job.ID, "ann", "enough"))
		assert.Equal(t, model.Cancelled, ended(t, eng, middle[1]).Status)
		assert.Equal(t, model.Cancelled, ended(t, eng, leaves[1]).Status)
		for _, id := range []uuid.UUID{job.ID, middle[0]} { // each has had a run since, and waits again
			s := until(t, eng, id, func(s *model.JobStatus) bool { return s.Status == model.Scheduled && s.Attempt >= 2 })
			assert.True(t, s.CancelRequested)
			assert.NotEmpty(t, s.WaitsFor)
		}
		close(goOn)
		for _, id := range []uuid.UUID{leaves[0], middle[0], job.ID} {
			s := ended(t, eng, id)
			assert.Equal(t, model.Cancelled, s.Status)
			assert.Equal(t, []string{"ann", "enough"}, []string{s.CancelledBy, s.CancelReason})
		}
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.StepCancelled, s.Steps[1].Status)
		deafStatus := ended(t, eng, leaves[0])
		assert.False(t, s.FinishedAt.Before(deafStatus.FinishedAt.Time), "the parent has ended after its family")
	})
}

// In a caller's transaction the family is cancelled with the commit, or not at
// all.
func TestACancelOfAParentInATransactionComesWithItsCommit(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), parentOf("parent", []string{"nowhere", "nowhere"}))
		stop := start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		ids := childrenOf(t, eng, job.ID)
		stop()
		cancel := func(outcome error) error {
			return db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
				require.NoError(t, eng.With(tx).Cancel(ctx, job.ID, "ann", ""))
				return outcome
			})
		}
		require.ErrorIs(t, cancel(errBoom), errBoom)
		s, err := eng.Status(t.Context(), ids[0])
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
		require.NoError(t, cancel(nil))
		assert.Equal(t, model.Cancelled, ended(t, eng, ids[1]).Status)
		start(t, newEngine(t, db, config(), parentOf("parent", nil)))
		assert.Equal(t, model.Cancelled, ended(t, eng, job.ID).Status)
	})
}

func TestAResumeOfACancelledParentGoesOnWithItsChildren(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		parent := newEngine(t, db, config(), parentOf("parent", []string{"good", "good"}))
		start(t, parent)
		job := enqueue(t, parent, raw("parent"))
		ids := childrenOf(t, parent, job.ID)
		require.NoError(t, parent.Cancel(t.Context(), job.ID, "", ""))
		assert.Equal(t, model.Cancelled, ended(t, parent, job.ID).Status)
		assert.Equal(t, model.Cancelled, ended(t, parent, ids[0]).Status)

		require.NoError(t, parent.Resume(t.Context(), job.ID))
		start(t, newEngine(t, db, config(), one("good", nothing)))
		s := ended(t, parent, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, ids, s.Steps[1].Children)
	})
}

// The request comes while the parent's step is about to enqueue its children.
func TestACancelBeforeTheChildrenAreEnqueuedReachesThemAll(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		asked, goOn := make(chan struct{}), make(chan struct{})
		d := steps.Define[input](steps.Type("parent"))
		steps.Children(d, "children", func(context.Context, *steps.Run[input]) ([]steps.Child, error) {
			close(asked)
			<-goOn
			return []steps.Child{{Input: raw("nowhere")}}, nil
		})
		eng := newEngine(t, db, unasked(), d)
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		receive(t, asked)
		require.NoError(t, newEngine(t, db, config()).Cancel(t.Context(), job.ID, "", "")) // another process's
		close(goOn)
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		list, err := eng.List(t.Context(), engine.Filter{Parent: job.ID})
		require.NoError(t, err)
		require.Len(t, list, 1)
		assert.Equal(t, model.Cancelled, list[0].Status)
	})
}

func TestAChildThatEndsWithoutARunWakesItsParent(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		ends := map[string]func(*engine.Engine, uuid.UUID) error{
			"was cancelled by ann": func(eng *engine.Engine, id uuid.UUID) error { return eng.Cancel(t.Context(), id, "ann", "") },
			"it was deleted":       func(eng *engine.Engine, id uuid.UUID) error { return eng.Delete(t.Context(), id) },
			"is cancelled: interrupted": func(eng *engine.Engine, id uuid.UUID) error { // its engine is dead; a cancel settles it
				if err := orphan(t, db, id, "nowhere"); err != nil {
					return err
				}
				return eng.Cancel(t.Context(), id, "", "")
			},
		}
		eng := newEngine(t, db, unasked(), parentOf("parent", []string{"nowhere"}))
		start(t, eng)
		for want, end := range ends {
			job := enqueue(t, eng, raw("parent"))
			ids := childrenOf(t, eng, job.ID)
			require.NoError(t, end(eng, ids[0]))
			s := ended(t, eng, job.ID)
			assert.Equal(t, model.Failed, s.Status)
			assert.Contains(t, s.Error, want)
		}
	})
}

// orphan makes a job what it is when the process that runs it is dead and its
// lease has run out.
func orphan(t *testing.T, db *bun.DB, id uuid.UUID, jobType string) error {
	t.Helper()
	return db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewRaw("UPDATE job_system_jobs SET status = 'processing', attempt = attempt + 1 WHERE id = ?", id.String()).Exec(ctx); err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM job_type_lock WHERE type = ?", jobType).Exec(ctx); err != nil {
			return err
		}
		var attempt int64
		if err := tx.NewRaw("SELECT j.attempt FROM job_system_jobs j WHERE j.id = ?", id.String()).Scan(ctx, &attempt); err != nil {
			return err
		}
		lock := &model.TypeLock{Type: jobType, Owner: "dead", JobID: &id, Attempt: attempt, LockedUntil: model.At(time.Now().Add(-time.Hour)), UpdatedAt: model.At(time.Now())}
		_, err := tx.NewInsert().Model(lock).Exec(ctx)
		return err
	})
}

// A parent dies while it looks after its children, and was to be cancelled: it
// is, when they have ended.
func TestACancelledParentThatDiesIsCancelledAfterItsChildren(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		first := newEngine(t, db, config(), parentOf("parent", []string{"nowhere"}))
		stop := start(t, first)
		job := enqueue(t, first, raw("parent"))
		ids := childrenOf(t, first, job.ID)
		stop()
		require.NoError(t, orphan(t, db, job.ID, "parent"))
		_, err := db.NewUpdate().Model((*model.Job)(nil)).Set("cancel_requested_at = updated_at").Set("cancelled_by = 'ann'").Where("id = ?", job.ID.String()).Exec(t.Context())
		require.NoError(t, err)
		second := newEngine(t, db, config(), parentOf("parent", []string{"nowhere"}))
		start(t, second)
		s := ended(t, second, job.ID)
		assert.Equal(t, model.Cancelled, s.Status)
		child := ended(t, second, ids[0])
		assert.Equal(t, model.Cancelled, child.Status)
		assert.Equal(t, "ann", child.CancelledBy)
		assert.False(t, s.FinishedAt.Before(child.FinishedAt.Time))
	})
}

// Nobody tells the parent of its child's end: it looks by itself before long, which
// the test does not wait for.
func TestAParentThatIsNotToldLooksByItself(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), parentOf("parent", []string{"nowhere"}))
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		ids := childrenOf(t, eng, job.ID)
		_, err := db.NewUpdate().Model((*model.Job)(nil)).Set("status = 'succeeded'").Where("id = ?", ids[0].String()).Exec(t.Context())
		require.NoError(t, err)
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.LessOrEqual(t, s.ScheduledAt.Sub(s.Steps[1].StartedAt.Time), 2*time.Minute)
		_, err = db.NewUpdate().Model((*model.Job)(nil)).Set("scheduled_at = created_at").Where("id = ?", job.ID.String()).Exec(t.Context())
		require.NoError(t, err)
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
	})
}

func TestChildrenOfOtherEnginesWakeTheirParentThroughTheDatabase(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
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

func TestChildrenAndParentsOfDifferentProcessesMeetByNotification(t *testing.T) {
	t.Parallel()
	text := testutil.DSN(t, testutil.Postgres)
	cfg, l := deaf(t, text)
	parent := newEngine(t, testutil.Open(t, text), cfg, parentOf("parent", []string{"child"}))
	start(t, parent)
	receive(t, l.ready)
	cfg, l = deaf(t, text)
	start(t, newEngine(t, testutil.Open(t, text), cfg, one("child", nothing)))
	receive(t, l.ready)
	s := ended(t, parent, enqueue(t, parent, raw("parent")).ID)
	assert.Equal(t, model.Succeeded, s.Status, s.Error)
}

func TestChildrenThatTakeTooLongFailTheStepAndGoOn(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), parentOf("parent", []string{"later"}, steps.Timeout(50*time.Millisecond)))
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "children": timed out: 1 of its 1 children have not ended within 50ms, and go on`, s.Error)
		start(t, newEngine(t, db, config(), one("later", nothing)))
		assert.Equal(t, model.Succeeded, ended(t, eng, s.Steps[1].Children[0]).Status)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		again := ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, again.Status, again.Error)
		assert.Equal(t, s.Steps[1].Children, again.Steps[1].Children)
	})
}

// The children of an earlier step, and those of an earlier round, count neither
// for the progress nor for the wait of those that a step waits for now.
func TestOnlyTheChildrenThatAStepWaitsForCount(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := parentOf("parent", []string{"good"})
		steps.Children(d, "more", func(context.Context, *steps.Run[input]) ([]steps.Child, error) {
			return []steps.Child{{Input: raw("nowhere")}}, nil
		}, steps.Weight(4))
		eng := newEngine(t, db, unasked(), d, one("good", nothing))
		start(t, eng)
		job := enqueue(t, eng, raw("parent"))
		s := until(t, eng, job.ID, func(s *model.JobStatus) bool { return s.CurrentStep == "more" && s.WaitsFor != "" })
		assert.InDelta(t, 0.5, s.Progress, 1e-9)
		first := s.Steps[3].Children[0]
		require.NoError(t, eng.Cancel(t.Context(), first, "", ""))
		assert.Equal(t, model.Failed, ended(t, eng, job.ID).Status)
		require.NoError(t, eng.Resume(t.Context(), job.ID, engine.From("more")))
		second := childrenOf(t, eng, job.ID)
		assert.NotEqual(t, first, second[0], "they are enqueued anew")
		require.NoError(t, eng.Resume(t.Context(), first)) // open, and nobody's business any more
		require.NoError(t, eng.Cancel(t.Context(), second[0], "", ""))
		assert.Equal(t, model.Failed, ended(t, eng, job.ID).Status)
	})
}

func TestAJobThatWaitsForChildrenIsNotDeleted(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
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

// The process dies when the step has said which jobs it wants: none is enqueued,
// and the resume enqueues them once.
func TestAParentThatDiesBeforeItsRecordHasEnqueuedNoChildren(t *testing.T) {
	testutil.EachDB(t, func(t *testing.T, db *bun.DB) {
		h := testutil.NewHarness(t, parentOf("parent", []string{"good", "good"}), testutil.OnDB(db))
		job := h.Enqueue(raw("parent"))
		assert.Equal(t, model.Failed, h.Kill(testutil.BeforeRecord("children")).Status)
		list, err := h.Engine().List(t.Context(), engine.Filter{Parent: job.ID})
		require.NoError(t, err)
		assert.Empty(t, list)
		h.Resume()
		start(t, newEngine(t, db, config(), one("good", nothing)))
		assert.Equal(t, model.Succeeded, h.Run().Status)
		list, err = h.Engine().List(t.Context(), engine.Filter{Parent: job.ID})
		require.NoError(t, err)
		assert.Len(t, list, 2)
	})
}

// Whatever answer is lost of the writes around children and signals, each child
// is enqueued once and each job ends well.
func TestALostAnswerDoublesNoChildren(t *testing.T) {
	for _, kind := range []testutil.Kind{testutil.SQLite, testutil.Postgres} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			var lose atomic.Pointer[func(string) bool]
			db := openLossy(t, kind, &lose)
			for round := range 16 {
				cfg := config()
				cfg.Poll = 20 * time.Millisecond
				eng := newEngine(t, db, cfg, parentOf("parent", []string{"a", "b"}), one("a", nothing), one("b", nothing))
				job := enqueue(t, eng, raw("parent"))
				var count atomic.Int32
				nth := func(what string) bool { return what != lateCommit && count.Add(1) == int32(round) }
				lose.Store(&nth)
				stop := start(t, eng)
				s := untilLossy(t, eng, job.ID)
				lose.Store(nil)
				if len(s.WaitsFor) > 0 { // nobody could wake it: it would look by itself before long
					_, err := db.NewUpdate().Model((*model.Job)(nil)).Set("scheduled_at = created_at").Where("id = ?", job.ID.String()).Exec(t.Context())
					require.NoError(t, err)
					s = ended(t, eng, job.ID)
				}
				assert.Equal(t, model.Succeeded, s.Status, "round %d: %s", round, s.Error)
				list, err := eng.List(t.Context(), engine.Filter{Parent: job.ID})
				require.NoError(t, err)
				assert.Len(t, list, 2, "round %d", round)
				stop()
			}
		})
	}
}

// untilLossy waits until the job has ended, or waits for children that have.
func untilLossy(t *testing.T, eng *engine.Engine, id uuid.UUID) *model.JobStatus {
	t.Helper()
	return until(t, eng, id, func(s *model.JobStatus) bool {
		if s.Status.Ended() {
			return true
		}
		list, err := eng.List(t.Context(), engine.Filter{Parent: id, Statuses: []model.Status{model.Succeeded}})
		require.NoError(t, err)
		return len(list) == 2 && s.WaitsFor != "" && time.Since(s.UpdatedAt.Time) > time.Second
	})
}
