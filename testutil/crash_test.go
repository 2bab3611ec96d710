package testutil_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// effects counts what happened in the outside world, by idempotency key.
type effects struct {
	mu   sync.Mutex
	seen map[string]int
}

func (e *effects) add(key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == nil {
		e.seen = make(map[string]int)
	}
	e.seen[key]++
}

// parcel is the input of the jobs that an order enqueues.
type parcel struct {
	N int `json:"n"`
}

func (parcel) JobType() string { return "shop:parcel" }

// parcelDefinition packs and labels a parcel.
func parcelDefinition(e func() *effects, opts ...steps.DefineOption) *steps.Definition[parcel] {
	d := steps.Define[parcel](opts...)
	packed := steps.Add(d, "pack", func(_ context.Context, run *steps.Run[parcel]) (int, error) {
		e().add(fmt.Sprint("parcel ", run.Input().N))
		return 10 * run.Input().N, nil
	})
	steps.Add(d, "label", func(_ context.Context, run *steps.Run[parcel]) (int, error) { return packed.Output(run) + 1, nil })
	return d
}

// order is the input of a definition with about every kind of step.
type order struct {
	Fail bool `json:"fail"`
}

func (order) JobType() string { return "shop:order" }

func orderDefinition(e *effects, opts ...steps.DefineOption) *steps.Definition[order] {
	d := steps.Define[order](opts...)
	effect := func(out string) func(context.Context, *steps.Run[order]) (string, error) {
		return func(_ context.Context, run *steps.Run[order]) (string, error) {
			e.add(run.StepName())
			return out, nil
		}
	}
	undo := steps.Undo(func(_ context.Context, run *steps.Run[order], out string) error {
		e.add("undo " + run.StepName() + " " + out)
		return nil
	})
	steps.Add(d, "reserve", effect("r1"), undo, steps.StopOnCrash())
	steps.AwaitSignal[order, string](d, "approve")
	steps.Do(d, "import", func(ctx context.Context, run *steps.Run[order]) error {
		_, err := steps.Each(ctx, run, func(skip int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := skip; i < 4; i++ {
					if !yield(i, nil) {
						return
					}
				}
			}
		}, func(_ context.Context, item int) error { e.add(fmt.Sprint("item ", item)); return nil }, steps.CheckpointEvery(2))
		return err
	})
	pair := steps.Parallel(d, "pair")
	left := steps.Add(pair, "left", effect("l"))
	steps.Add(pair, "right", effect("r"), undo)
	steps.ChildJobs(d, "parcels", func(context.Context, *steps.Run[order]) ([]steps.Child, error) {
		return []steps.Child{{Input: parcel{N: 1}}, {Input: parcel{N: 2}}}, nil
	})
	steps.Sleep(d, "cool", time.Hour)
	steps.InTx(d, "book", func(context.Context, steps.Tx, *steps.Run[order]) (int, error) { return 7, nil })
	steps.Add(d, "ship", func(_ context.Context, run *steps.Run[order]) (string, error) {
		if run.Input().Fail {
			return "", errors.New("no ship")
		}
		return left.Output(run), nil
	}, steps.Retry(2, time.Hour))
	return d
}

func TestAJobEndsAlikeWhereverItsProcessDies(t *testing.T) {
	t.Parallel()
	for _, fail := range []bool{false, true} {
		var opts []steps.DefineOption
		if !fail {
			opts = append(opts, steps.ResumeOnCrash(5))
		}
		t.Run(fmt.Sprint("fail=", fail), func(t *testing.T) {
			t.Parallel()
			testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
				var e *effects
				with := []testutil.HarnessOption{
					testutil.Prepare(func(h *testutil.Harness) { h.Signal("approve", "yes") }),
					testutil.Beside(parcelDefinition(func() *effects { return e }, opts...)),
				}
				runs, least := 0, 40
				if db.Dialect().Name() != dialect.SQLite {
					least = 8
					with = append(with, testutil.OnDB(db), testutil.AtMost(6))
				}
				testutil.CrashEverywhere(t, func() steps.Handler {
					e = &effects{}
					return orderDefinition(e, opts...)
				}, order{Fail: fail}, func(t testing.TB, h *testutil.Harness) {
					runs++
					e.mu.Lock()
					defer e.mu.Unlock()
					for _, effect := range []string{"item 0", "item 1", "item 2", "item 3", "parcel 1", "parcel 2"} {
						n := e.seen[effect]
						assert.True(t, n == 1 || n == 2, "%s happened %d times", effect, n)
					}
					want := model.Succeeded
					if fail {
						want = model.Failed
						assert.Positive(t, e.seen["undo reserve r1"])
						assert.Positive(t, e.seen["undo right r"])
					}
					assert.Equal(t, want, h.Status().Status)
				}, with...)
				assert.Greater(t, runs, least, "there are that many writes, and a run just before and just after each")
			})
		})
	}
}

// A definition that changes with a crash is reported.
func TestCrashEverywhereReportsWhereTheEndDiffers(t *testing.T) {
	t.Parallel()
	text := failure(t, func(t testing.TB) {
		testutil.CrashEverywhere(t, func() steps.Handler {
			d := steps.Define[bake]()
			steps.Do(d, "knead", func(context.Context, *steps.Run[bake]) error { return nil })
			steps.Add(d, "bake", func(_ context.Context, run *steps.Run[bake]) (int, error) { return run.Attempt(), nil })
			return d
		}, bake{}, nil)
	})
	assert.Contains(t, text, "the job ended differently than without")
	assert.Contains(t, text, "bake completed 2")
	assert.Contains(t, text, "bake completed 1")
}

func TestHarnessMomentsOfStepsThatWaitGroupAndHaveATransaction(t *testing.T) {
	t.Parallel()
	for _, at := range []testutil.Moment{
		testutil.BeforeStep("approve"), testutil.AfterStep("reserve"), testutil.AfterStep("import"), testutil.BeforeStep("right"),
		testutil.AfterStep("right"), testutil.BeforeStep("cool"), testutil.BeforeStep("book"), testutil.AfterStep("book"),
		testutil.AtCheckpointWhen("import", func(c struct{ Done int }) bool { return c.Done == 4 }),
	} {
		t.Run(at.String(), func(t *testing.T) {
			t.Parallel()
			h := testutil.NewHarness(t, orderDefinition(&effects{}), testutil.Beside(parcelDefinition(func() *effects { return &effects{} })))
			h.Enqueue(order{})
			h.Signal("approve", "yes")
			if at == testutil.BeforeStep("book") || at == testutil.AfterStep("book") {
				require.Equal(t, model.Scheduled, h.RunToWait().Status)
				h.RequireStep("cool", model.StepWaiting)
				h.SkipWait()
			}
			require.Equal(t, model.Failed, h.Kill(at).Status)
			h.Resume()
			s := h.RunToWait()
			if s.Status == model.Scheduled {
				h.SkipWait()
				s = h.RunToWait()
			}
			require.Equal(t, model.Succeeded, s.Status, s.Error)
			assert.JSONEq(t, `"l"`, string(s.Result))
		})
	}
}
