package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

func TestAJobRunsItsStepsInOrderAndRecordsEach(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		job := enqueue(t, eng, input{N: 4}, engine.Name("Name"), engine.Role("role"), engine.Email("a@b"), engine.UploadedFileURL("file:///x"))
		assert.Equal(t, model.Scheduled, job.Status)
		start(t, eng)

		s := ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, "Name", s.Name)
		assert.Equal(t, "role", s.Role)
		assert.Equal(t, "a@b", s.Email)
		assert.Equal(t, "file:///x", s.UploadedFileURL)
		assert.Equal(t, 1.0, s.Progress)
		assert.Equal(t, 100, s.Percent)
		assert.JSONEq(t, `"7"`, string(s.Result))
		require.Len(t, s.Steps, 3)
		for i, want := range []string{"5", "6", `"7"`} {
			step := s.Steps[i]
			assert.Equal(t, model.StepCompleted, step.Status)
			assert.Equal(t, 1, step.Attempts)
			assert.JSONEq(t, want, string(step.Output))
			assert.False(t, step.StartedAt.IsZero())
			assert.False(t, step.FinishedAt.Before(step.StartedAt.Time))
			if i > 0 {
				assert.False(t, step.StartedAt.Before(s.Steps[i-1].FinishedAt.Time), "steps do not overlap")
			}
		}
		assert.Equal(t, 2.0, s.Steps[1].Weight)
		assert.Empty(t, s.CurrentStep)
		assert.False(t, s.FinishedAt.IsZero())
		assert.Empty(t, s.Owner, "the lock is free")
	})
}

// Each step reads the database: the record of the step before must be there.
func TestAStepsRecordIsDurableBeforeTheNextBegins(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var eng *engine.Engine
		d := steps.Define[input]()
		const n = 12
		for i := range n {
			steps.Add(d, fmt.Sprint("step-", i), func(ctx context.Context, run *steps.Run[input]) (string, error) {
				s, err := eng.Status(ctx, run.Job().ID)
				if err != nil {
					return "", err
				}
				for k := range i {
					if s.Steps[k].Status != model.StepCompleted || string(s.Steps[k].Output) != fmt.Sprintf(`"%d"`, k) {
						return "", fmt.Errorf("step %d is %s with output %s while step %d runs", k, s.Steps[k].Status, s.Steps[k].Output, i)
					}
				}
				return fmt.Sprint(i), nil
			})
		}
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, n, s.StepsCompleted)
	})
}

func TestAFailedStepFailsTheJobAndResumeContinuesThere(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran [3]atomic.Int32
		var healthy atomic.Bool
		d := steps.Define[input]()
		first := steps.Add(d, "first", func(context.Context, *steps.Run[input]) (float64, error) {
			ran[0].Add(1)
			return 1.0 / 3, nil
		})
		steps.Do(d, "second", func(context.Context, *steps.Run[input]) error {
			ran[1].Add(1)
			if !healthy.Load() {
				return errBoom
			}
			return nil
		})
		steps.Add(d, "third", func(_ context.Context, run *steps.Run[input]) (float64, error) {
			ran[2].Add(1)
			return first.Output(run), nil
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		require.Equal(t, model.Failed, s.Status)
		assert.Equal(t, `step "second": boom`, s.Error)
		assert.Equal(t, "second", s.CurrentStep)
		assert.Equal(t, model.StepFailed, s.Steps[1].Status)
		assert.Equal(t, "boom", s.Steps[1].Error)
		assert.Equal(t, model.StepPending, s.Steps[2].Status)
		assert.InDelta(t, 1.0/3, s.Progress, 1e-3)
		recorded := s.Steps[0]

		healthy.Store(true)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, []int32{1, 2, 1}, []int32{ran[0].Load(), ran[1].Load(), ran[2].Load()})
		assert.Equal(t, recorded, s.Steps[0], "the record of a completed step is not touched")
		assert.Equal(t, 2, s.Steps[1].Attempts)
		assert.JSONEq(t, string(recorded.Output), string(s.Result))
		assert.Equal(t, 1, s.Resumptions)
		assert.Empty(t, s.Error)

		assert.ErrorIs(t, eng.Resume(t.Context(), job.ID), engine.ErrStatus)
	})
}

func TestRestartRunsAllStepsAgain(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var ran atomic.Int32
		d := steps.Define[input]()
		steps.Do(d, "count", func(context.Context, *steps.Run[input]) error { ran.Add(1); return nil })
		steps.Do(d, "fail", func(context.Context, *steps.Run[input]) error { return errBoom })
		eng := newEngine(t, db, config(), d)
		job := enqueue(t, eng, input{N: 7})
		stop := start(t, eng)
		ended(t, eng, job.ID)
		stop()
		require.NoError(t, eng.Restart(t.Context(), job.ID))
		s, err := eng.Status(t.Context(), job.ID)
		require.NoError(t, err)
		assert.Equal(t, model.Scheduled, s.Status)
		assert.Zero(t, s.Progress)
		assert.Empty(t, s.Steps)
		row, err := eng.Job(t.Context(), job.ID)
		require.NoError(t, err)
		data, err := model.ParseData(row.Data)
		require.NoError(t, err)
		assert.JSONEq(t, `{"n":7}`, string(data.Input))
		start(t, eng)
		ended(t, eng, job.ID)
		assert.EqualValues(t, 2, ran.Load())
	})
}

func TestAPanicFailsThatJobWithItsStackAndNothingElse(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		steps.Do(d, "panics", func(_ context.Context, run *steps.Run[input]) error {
			switch run.Input().Text {
			case "panic":
				panicking()
			case "goexit":
				runtime.Goexit()
			}
			return nil
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{Text: "panic"}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "out of order")
		assert.Equal(t, `step "panics": panic: out of order`, s.Error, "without the stack")
		assert.Equal(t, "panic: out of order", s.Steps[0].Error)
		assert.Contains(t, s.Steps[0].Stack, "run_test.go")

		s = ended(t, eng, enqueue(t, eng, input{Text: "goexit"}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "Goexit")
		assert.Equal(t, model.Succeeded, ended(t, eng, enqueue(t, eng, input{}).ID).Status)
	})
}

func panicking() { panic("out of order") }

func TestAnInputThatDoesNotDecodeFailsTheJobWithTheReason(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		start(t, eng)
		stranger := newEngine(t, db, config()) // does not have the definition
		job := enqueue(t, stranger, engine.RawInput{Type: "test:job", Input: json.RawMessage(`{"n":"four"}`)})
		s := ended(t, eng, job.ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, "input does not fit")
		row, err := eng.Job(t.Context(), job.ID)
		require.NoError(t, err)
		assert.JSONEq(t, `{"input":{"n":"four"},"steps":[]}`, string(row.Data), "the document is as it was")
	})
}

func TestJobsOfOneTypeNeverOverlapAndRunInOrder(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var running, most atomic.Int32
		var mu sync.Mutex
		var order []int
		d := steps.Define[input]()
		steps.Do(d, "only", func(_ context.Context, run *steps.Run[input]) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			mu.Lock()
			defer mu.Unlock()
			order = append(order, run.Input().N)
			return nil
		})
		eng := newEngine(t, db, config(), d)
		var last *model.Job
		want := make([]int, 30)
		for i := range want {
			want[i] = i
			last = enqueue(t, eng, input{N: i})
		}
		start(t, eng)
		ended(t, eng, last.ID)
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, want, order)
		assert.EqualValues(t, 1, most.Load())
	})
}

func TestAnOutputOverTheBoundFailsItsStepAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[input]()
		steps.Add(d, "small", func(context.Context, *steps.Run[input]) (string, error) { return "ok", nil })
		steps.Add(d, "large", func(context.Context, *steps.Run[input]) (string, error) { return string(make300k()), nil })
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		assert.Equal(t, model.Failed, s.Status)
		assert.Contains(t, s.Error, `step "large": its output has 307202 bytes, more than the bound of 65536`)
		assert.JSONEq(t, `"ok"`, string(s.Steps[0].Output))
	})
}

func TestProgressFollowsTheWeightsAndNeverFalls(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		reported, more := make(chan struct{}), make(chan struct{})
		d := steps.Define[input]()
		steps.Do(d, "a", func(context.Context, *steps.Run[input]) error { return nil }, steps.Weight(3))
		steps.Do(d, "b", func(ctx context.Context, run *steps.Run[input]) error {
			run.Progress(1, 2, "half of b")
			reported <- struct{}{}
			<-more
			run.Progress(1, 10, "never backwards")
			return errBoom
		}, steps.Weight(1))
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		receive(t, reported)
		s := until(t, eng, job.ID, func(s *model.JobView) bool { return s.Message == "half of b" })
		assert.InDelta(t, 0.875, s.Progress, 1e-9)
		assert.Equal(t, "b", s.CurrentStep)
		assert.NotNil(t, s.RemainingMS)
		assert.NotEmpty(t, s.Elapsed)
		close(more)
		s = ended(t, eng, job.ID)
		assert.InDelta(t, 0.875, s.Progress, 1e-9)
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = until(t, eng, job.ID, func(s *model.JobView) bool { return s.Status != model.Scheduled })
		assert.GreaterOrEqual(t, s.Progress, 0.875, "not even over a resume")
		receive(t, reported)
		ended(t, eng, job.ID)
	})
}

func TestACheckpointIsFoundByTheNextAttempt(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		type page struct{ Page int }
		seen := make(chan page, 2)
		d := steps.Define[input]()
		steps.Do(d, "pages", func(ctx context.Context, run *steps.Run[input]) error {
			var p page
			if _, err := run.LastCheckpoint(&p); err != nil {
				return err
			}
			seen <- p
			if p.Page > 0 {
				return nil
			}
			for i := range 3 {
				if err := run.Checkpoint(ctx, page{i + 1}); err != nil {
					return err
				}
			}
			return errBoom
		})
		steps.Do(d, "next", func(_ context.Context, run *steps.Run[input]) error {
			if found, _ := run.LastCheckpoint(new(page)); found {
				return fmt.Errorf("found the checkpoint of another step")
			}
			return nil
		})
		eng := newEngine(t, db, config(), d)
		start(t, eng)
		job := enqueue(t, eng, input{})
		s := ended(t, eng, job.ID)
		assert.JSONEq(t, `{"step":"pages","value":{"Page":3}}`, string(s.Checkpoints))
		require.NoError(t, eng.Resume(t.Context(), job.ID))
		s = ended(t, eng, job.ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		assert.Equal(t, []page{{0}, {3}}, []page{<-seen, <-seen})
		assert.Nil(t, s.Checkpoints)
	})
}

// Jobs whose steps follow each other without a pause do not stop the engine from polling
// for others.
func TestBusyJobsDoNotKeepOthersWaiting(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		var over atomic.Bool
		const crowd = 12
		begun := make(chan struct{}, crowd)
		endless := func(jobType string) steps.Handler {
			return steps.DefineFunc(func(input) (*steps.Definition[input], error) {
				d := steps.Define[input]()
				for i := range 900 {
					steps.Do(d, fmt.Sprint("step-", i), func(context.Context, *steps.Run[input]) error {
						if i == 3 {
							begun <- struct{}{}
						}
						return nil
					})
				}
				steps.Do(d, "last", func(context.Context, *steps.Run[input]) error { over.Store(true); return nil })
				return d, nil
			}, steps.Type(jobType))
		}
		eng := newEngine(t, db, config(), one("other", func(context.Context, *steps.Run[input]) error {
			if over.Load() {
				return errors.New("began after the busy job had ended")
			}
			return nil
		}))
		var busy []*model.Job
		for i := range crowd {
			require.NoError(t, eng.Register(endless(fmt.Sprint("busy-", i))))
			busy = append(busy, enqueue(t, eng, raw(fmt.Sprint("busy-", i))))
		}
		start(t, eng)
		for range crowd {
			receive(t, begun)
		}
		s := ended(t, eng, enqueue(t, eng, raw("other")).ID)
		assert.Equal(t, model.Succeeded, s.Status, s.Error)
		for _, j := range busy {
			require.NoError(t, eng.Cancel(t.Context(), j.ID, "", ""))
			assert.Equal(t, model.Cancelled, ended(t, eng, j.ID).Status)
		}
	})
}
