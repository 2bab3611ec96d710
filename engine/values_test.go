package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// cents encodes itself as JSON, and cannot be decoded.
type cents struct{ amount int }

func (c cents) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]int{"cents": c.amount}) }

// An output that later steps would read as another value fails its step, without another
// attempt: the next one would return the same.
func TestAnOutputThatDoesNotReadBackFailsItsStep(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var charged atomic.Int32
		price := steps.Define[input](steps.Type("price"))
		total := steps.Add(price, "total", func(context.Context, *steps.Run[input]) (cents, error) { return cents{5}, nil }, steps.Retry(5, time.Millisecond))
		steps.Do(price, "charge", func(_ context.Context, run *steps.Run[input]) error {
			charged.Add(1)
			return fmt.Errorf("charged %d cents", total.Output(run).amount)
		})
		problem := steps.Define[input](steps.Type("problem"))
		steps.Add(problem, "find", func(context.Context, *steps.Run[input]) (error, error) { return errBoom, nil })
		eng := newEngine(t, db, config(), price, problem)
		start(t, eng)

		s := ended(t, eng, enqueue(t, eng, raw("price")).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, `step "total": its output is written as JSON and reads back into a engine_test.cents as something else`)
		assert.Equal(t, 1, s.Steps[0].Attempts)
		assert.Empty(t, s.Steps[0].Output)
		assert.Zero(t, charged.Load())

		s = ended(t, eng, enqueue(t, eng, raw("problem")).ID)
		assert.Contains(t, s.Error, "does not read back into a error")
	})
}

type secretive struct{ id int }

func TestAValueOfWhichJSONKeepsNothingIsAMistake(t *testing.T) {
	t.Parallel()
	d := steps.Define[input]()
	steps.Add(d, "only", func(context.Context, *steps.Run[input]) ([]secretive, error) { return nil, nil })
	assert.ErrorContains(t, d.Validate(), `step "only": its output has a engine_test.secretive, of which JSON keeps nothing`)
	of := steps.Define[secretive](steps.Type("secretive"))
	steps.Do(of, "only", func(context.Context, *steps.Run[secretive]) error { return nil })
	assert.ErrorContains(t, of.Validate(), "its input has a engine_test.secretive, of which JSON keeps nothing")
}

// A key or a checkpoint that cannot be read back is an error before any work is done.
func TestACheckpointThatDoesNotReadBackIsAnError(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var worked atomic.Int32
		each := one("each", func(ctx context.Context, run *steps.Run[input]) error {
			_, err := steps.EachAfter(ctx, run, func(*secretive) iter.Seq2[secretive, error] {
				return func(yield func(secretive, error) bool) { yield(secretive{1}, nil) }
			}, func(s secretive) secretive { return s }, func(context.Context, secretive) error { worked.Add(1); return nil })
			return err
		})
		own := one("own", func(ctx context.Context, run *steps.Run[input]) error { return run.Checkpoint(ctx, cents{3}) })
		eng := newEngine(t, db, config(), each, own)
		start(t, eng)
		assert.Contains(t, ended(t, eng, enqueue(t, eng, raw("each")).ID).Error, "each: its key has a engine_test.secretive, of which JSON keeps nothing")
		assert.Zero(t, worked.Load())
		assert.Contains(t, ended(t, eng, enqueue(t, eng, raw("own")).ID).Error, `checkpoint of step "only": the checkpoint is written as JSON and reads back`)
	})
}

func TestAnInputThatItsDefinitionCannotReadIsNotEnqueued(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		priced := steps.Define[cents](steps.Type("priced"))
		steps.Do(priced, "only", func(context.Context, *steps.Run[cents]) error { return nil })
		eng := newEngine(t, db, config(), three(), priced)
		_, err := eng.Enqueue(t.Context(), engine.RawInput{Type: "test:job", Input: json.RawMessage(`{"n":"many"}`)})
		require.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, "input does not fit engine_test.input")
		_, err = eng.EnqueueMany(t.Context(), []engine.NewJob{{Input: input{}}, {Input: engine.RawInput{Type: "test:job", Input: json.RawMessage(`7`)}}})
		assert.ErrorIs(t, err, engine.ErrInvalid)
		_, err = eng.Enqueue(t.Context(), engine.RawInput{Type: "elsewhere", Input: json.RawMessage(`7`)})
		assert.NoError(t, err, "whose definition is not known here")
		jobs, err := eng.List(t.Context(), engine.Filter{Types: []string{"test:job"}})
		require.NoError(t, err)
		assert.Empty(t, jobs)
	})
}

func TestASignalThatDoesNotReadBackIsNotSent(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		job := enqueue(t, eng, input{})
		_, err := eng.Signal(t.Context(), job.ID, "ok", cents{5}, "")
		require.ErrorIs(t, err, engine.ErrInvalid)
		_, err = eng.Signal(t.Context(), job.ID, "ok", secretive{5}, "")
		require.ErrorIs(t, err, engine.ErrInvalid)
		_, err = eng.Signal(t.Context(), job.ID, "ok", map[string]int{"cents": 5}, "")
		require.NoError(t, err)
	})
}

// largeNumbers is an array of so many of the largest numbers, which PostgreSQL stores with
// all of their 309 digits.
func largeNumbers(n int) json.RawMessage {
	return json.RawMessage("[" + strings.Repeat("1.7976931348623157e308,", n-1) + "0]")
}

// What was accepted fits whenever it is read: bounds count what is stored.
func TestBoundsCountWhatIsStored(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		cfg := config()
		cfg.Limits = engine.Limits{Input: 30 << 10, Output: 30 << 10, Data: 100 << 10}
		var broken atomic.Bool
		broken.Store(true)
		d := steps.Define[json.RawMessage](steps.Type("sized"))
		for _, name := range []string{"first", "second"} {
			steps.Add(d, name, func(context.Context, *steps.Run[json.RawMessage]) (json.RawMessage, error) {
				return largeNumbers(80), nil
			})
		}
		steps.Do(d, "breaks", func(context.Context, *steps.Run[json.RawMessage]) error {
			if broken.Load() {
				return errBoom
			}
			return nil
		})
		large := steps.Define[json.RawMessage](steps.Type("large"))
		steps.Add(large, "only", func(context.Context, *steps.Run[json.RawMessage]) (json.RawMessage, error) {
			return largeNumbers(200), nil
		})
		eng := newEngine(t, db, cfg, d, large)
		start(t, eng)

		_, err := eng.Enqueue(t.Context(), engine.RawInput{Type: "sized", Input: largeNumbers(200)})
		require.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, "numbers such as 1e300 count with all of their digits")
		s := ended(t, eng, enqueue(t, eng, engine.RawInput{Type: "large", Input: json.RawMessage("1")}).ID)
		assert.Contains(t, s.Error, "more than the bound of 30720")

		s = ended(t, eng, enqueue(t, eng, engine.RawInput{Type: "sized", Input: largeNumbers(80)}).ID)
		require.Equal(t, `step "breaks": boom`, s.Error)
		broken.Store(false)
		require.NoError(t, eng.Resume(t.Context(), s.ID))
		s = ended(t, eng, s.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		var kept []float64
		require.NoError(t, json.Unmarshal(s.Steps[1].Output, &kept))
		assert.InDelta(t, math.MaxFloat64, kept[0], 0)
	})
}

// The errors of many steps leave room for what a resume records.
func TestManyFailedMembersLeaveRoomForAResume(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		cfg := config()
		cfg.Limits = engine.Limits{Data: 200 << 10}
		var healthy atomic.Bool
		d := steps.Define[input]()
		group := steps.Parallel(d, "all", steps.LetFinish(), steps.MaxParallel(50))
		for n := range 100 {
			steps.Add(group, fmt.Sprint("member-", n), func(context.Context, *steps.Run[input]) (int, error) {
				if healthy.Load() {
					return n, nil
				}
				return 0, fmt.Errorf("%s", strings.Repeat("x", 5000))
			})
		}
		eng := newEngine(t, db, cfg, d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		require.Equal(t, model.Failed, s.Status)
		size := 0
		for _, step := range s.Steps {
			assert.GreaterOrEqual(t, len(step.Error), 200)
			size += len(step.Error)
		}
		assert.Less(t, size, 100<<10)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
	})
}

func deep(levels int) json.RawMessage {
	return json.RawMessage(strings.Repeat("[", levels) + strings.Repeat("]", levels))
}

// If one child's result cannot be a part of the parent's output, it alone is left out, and
// read from its row.
func TestChildResultsThatAreLeftOutAreReadFromTheirRows(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input](steps.Type("parent"))
		children := steps.ChildJobs(d, "children", func(context.Context, *steps.Run[input]) ([]steps.Child, error) {
			return []steps.Child{{Input: raw("deep")}, {Input: raw("flat")}}, nil
		})
		sums := steps.ChildJobs(d, "sums", func(context.Context, *steps.Run[input]) ([]steps.Child, error) {
			return []steps.Child{{Input: raw("large")}, {Input: raw("large")}}, nil
		})
		steps.Add(d, "reads", func(ctx context.Context, run *steps.Run[input]) (string, error) {
			all, err := steps.ChildResults[json.RawMessage](ctx, run, children)
			if err != nil {
				return "", err
			}
			texts, err := steps.ChildResults[string](ctx, run, sums)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%d %s %d", len(strings.ReplaceAll(string(all[0]), " ", "")), all[1], len(texts[0])+len(texts[1])), nil
		})
		flat := steps.Define[input](steps.Type("flat"))
		steps.Add(flat, "only", func(context.Context, *steps.Run[input]) (int, error) { return 7, nil })
		nested := steps.Define[input](steps.Type("deep"))
		steps.Add(nested, "only", func(context.Context, *steps.Run[input]) (json.RawMessage, error) { return deep(23), nil })
		large := steps.Define[input](steps.Type("large"))
		steps.Add(large, "only", func(context.Context, *steps.Run[input]) (string, error) { return strings.Repeat("x", 40<<10), nil })
		eng := newEngine(t, db, unasked(), d, flat, nested, large)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, raw("parent")).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		var results []model.ChildResult
		require.NoError(t, json.Unmarshal(s.Steps[0].Output, &results))
		assert.True(t, results[0].Omitted)
		assert.Empty(t, results[0].Result)
		assert.False(t, results[1].Omitted)
		assert.JSONEq(t, "7", string(results[1].Result))
		assert.JSONEq(t, `"46 7 81920"`, string(s.Result))
	})
}

// Signals that steps have used do not count, and their number is bounded as documented.
func TestAJobMayAwaitAsManySignalsAsItHasSteps(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		const approvals = 130
		cfg := config()
		cfg.Limits.Signals = 3
		d := steps.Define[input]()
		for n := range approvals {
			steps.AwaitSignal[input, int](d, fmt.Sprint("approval-", n))
		}
		eng := newEngine(t, db, cfg, d)
		job := enqueue(t, eng, input{})
		for n := range 3 {
			_, err := eng.Signal(t.Context(), job.ID, fmt.Sprint("approval-", n), n, "ann")
			require.NoError(t, err)
		}
		_, err := eng.Signal(t.Context(), job.ID, "approval-3", 3, "ann")
		require.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, "3 signals that no step has used")
		start(t, eng)
		for n := 3; n < approvals; n++ {
			until(t, eng, job.ID, func(s *model.JobView) bool {
				return s.WaitsFor == fmt.Sprintf("the signal %q", fmt.Sprint("approval-", n))
			})
			_, err := eng.Signal(t.Context(), job.ID, fmt.Sprint("approval-", n), n, "ann")
			require.NoError(t, err)
		}
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
	})
}

// An engine that knows the definition rejects a signal for which no step waits, also after
// the definition got another step after those of the job.
func TestASignalThatNoStepWaitsForIsAnError(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		before := awaiting()
		eng := newEngine(t, db, unasked(), before)
		stop := start(t, eng)
		job := enqueue(t, eng, input{})
		waits(t, eng, job.ID)
		_, err := eng.Signal(t.Context(), job.ID, "aprove", approval{OK: true}, "ann")
		require.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, `it has no step "aprove" that waits for a signal`)
		stop()

		after := awaiting()
		steps.Do(after, "archive", func(context.Context, *steps.Run[input]) error { return nil })
		deployed := newEngine(t, db, unasked(), after)
		_, err = deployed.Signal(t.Context(), job.ID, "approve", "yes", "ann")
		require.ErrorIs(t, err, engine.ErrInvalid, "its payload is checked though a step was added")
		_, err = deployed.Signal(t.Context(), job.ID, "aprove", approval{OK: true}, "ann")
		require.ErrorIs(t, err, engine.ErrInvalid)
		_, err = deployed.Signal(t.Context(), job.ID, "approve", approval{OK: true}, "ann")
		require.NoError(t, err)
	})
}

// A signal or a child that came after the deadline is late whenever an engine polls.
func TestADeadlineHoldsThoughNoEnginePolledInTime(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, unasked(), awaiting(steps.Timeout(time.Second)), parentOf("parent", []string{"child"}, steps.Timeout(time.Second)))
		stop := start(t, eng)
		job := enqueue(t, eng, input{})
		parent := enqueue(t, eng, raw("parent"))
		waits(t, eng, job.ID)
		childrenOf(t, eng, parent.ID)
		stop()
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		<-time.After(time.Until(s.WaitsUntil.Add(200 * time.Millisecond)))
		signal(t, eng, job.ID, approval{OK: true}, "ann")
		child := newEngine(t, db, unasked(), one("child", nothing))
		stopChild := start(t, child)
		ended(t, child, childrenOf(t, eng, parent.ID)[0])
		stopChild()

		start(t, eng)
		s = ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "no signal came within 1s")
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status, "a resume uses the signal")

		p := ended(t, eng, parent.ID)
		assert.Equal(t, model.Failed, p.Status)
		assert.Contains(t, p.Error, "1 of its 1 children ended after 1s")
		require.NoError(t, eng.Resume(t.Context(), parent.ID))
		assert.Equal(t, model.Succeeded, ended(t, eng, parent.ID).Status)
	})
}

func TestWeightsThatAddUpToInfinityAreAMistake(t *testing.T) {
	t.Parallel()
	d := steps.Define[input]()
	for _, name := range []string{"a", "b"} {
		steps.Do(d, name, func(context.Context, *steps.Run[input]) error { return nil }, steps.Weight(math.MaxFloat64))
	}
	assert.ErrorContains(t, d.Validate(), "the weights of its 2 steps add up to more than a float64 holds")
}

// The result that a step has set is dropped when the step is undone, and is set again when
// it runs again.
func TestTheResultThatAnUndoneStepHasSetIsDropped(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var healthy atomic.Bool
		d := steps.Define[input]()
		steps.Do(d, "sets", func(_ context.Context, run *steps.Run[input]) error { return run.SetResult("ready") },
			steps.Undo(func(context.Context, *steps.Run[input], steps.None) error { return nil }))
		steps.Do(d, "breaks", func(context.Context, *steps.Run[input]) error {
			if healthy.Load() {
				return nil
			}
			return errBoom
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Empty(t, s.Result)
		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), s.ID))
		assert.JSONEq(t, `"ready"`, string(ended(t, eng, s.ID).Result))
	})
}

func TestADefinitionWithTooManyStepsIsAnErrorThatSaysSo(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		cfg := config()
		cfg.Limits.Steps = 2
		eng := newEngine(t, db, cfg, three())
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, "the definition has 3 steps, more than the bound of 2; nothing was run", s.Error)
	})
}

func TestAJobThatWasDeclaredFailedDoesNotSucceedByAResumeWithNothingToRun(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		var fine atomic.Bool
		eng = newEngine(t, db, config(), one("test:job", func(ctx context.Context, run *steps.Run[input]) error {
			if fine.Load() {
				return nil
			}
			return eng.Fail(ctx, run.Job().ID, "no stock", nil)
		}))
		start(t, eng)
		job := enqueue(t, eng, input{})
		require.Equal(t, model.Failed, ended(t, eng, job.ID).Status)
		err := eng.Resume(t.Context(), job.ID)
		require.ErrorIs(t, err, engine.ErrInvalid)
		assert.ErrorContains(t, err, "declared failed and has no step left to run")
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, "no stock", s.Error)
		fine.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID, engine.RerunFrom("only")))
		assert.Equal(t, model.Succeeded, ended(t, eng, job.ID).Status)
	})
}

func TestATimeThatNoDatabaseStoresIsRejected(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		for _, at := range []time.Time{time.Unix(math.MaxInt64, 0), time.Unix(math.MinInt64, 0), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} {
			_, err := eng.Enqueue(t.Context(), input{}, engine.At(at))
			assert.ErrorIs(t, err, engine.ErrInvalid, "%v", at)
		}
		_, err := eng.Enqueue(t.Context(), input{}, engine.At(model.MaxTime().Time))
		assert.NoError(t, err)
		jobs, err := eng.List(t.Context(), engine.Filter{})
		require.NoError(t, err)
		assert.Len(t, jobs, 1)
		assert.False(t, slices.ContainsFunc(jobs, func(j *model.JobView) bool { return j.Status != model.Scheduled }))
	})
}
