package testutil_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil"
)

// recorder is a test that may fail without failing the test it runs in.
type recorder struct {
	testing.TB
	text  string
	fatal bool
}

func (r *recorder) Helper() {}

func (r *recorder) Fatal(args ...any) {
	r.text, r.fatal = fmt.Sprint(args...), true
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// failure runs a test that must end with Fatal, and returns its message.
func failure(t *testing.T, test func(t testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(r)
	}()
	<-done
	require.True(t, r.fatal, "the test has not failed")
	return r.text
}

func TestHarnessSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		run  func(h *testutil.Harness)
		want []string
	}{
		{"no job", func(h *testutil.Harness) { h.Run() }, []string{"call Enqueue first"}},
		{"input of another type", func(h *testutil.Harness) { h.Enqueue(engine.RawInput{Type: "bakery:clean"}) },
			[]string{`"bakery:clean"`, `the definition handles "bakery:bake"`}},
		{"a step that is not there", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.Kill(testutil.AfterStep("bakee"))
		}, []string{`no step "bakee"`, `["knead" "bake" "sell"]`}},
		{"after the last step", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.Kill(testutil.AfterStep("sell"))
		}, []string{"last step", `BeforeRecord("sell")`}},
		{"a call counted from 0", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.Stop(testutil.AtCheckpoint("bake", 0))
		}, []string{"counted from 1"}},
		{"a moment that never comes", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 2})
			h.Cancel(testutil.AtCheckpoint("bake", 3), "", "")
		}, []string{`checkpoint 3 of step "bake" never came: the job has succeeded before`, "100 %", "sell", "completed", "job ended"}},
		{"run of an ended job", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.Run()
			h.Run()
		}, []string{"the job is succeeded and has to be scheduled"}},
		{"resume of a job that waits", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.Resume()
		}, []string{"resume", "it is scheduled"}},
		{"output of a step that has not run", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.Kill(testutil.AfterStep("knead"))
			h.Output("bake", new(int))
		}, []string{`output of step "bake": the step is interrupted`}},
		{"output of a step that has none", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.Run()
			h.Output("knead", new(int))
		}, []string{"it produces none"}},
		{"a failing step that is not there", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.FailStep("bakee", 1)
		}, []string{`no step "bakee"`, `["knead" "bake" "sell"]`}},
		{"a signal that no step awaits", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.Signal("bake", nil)
		}, []string{`no step awaits the signal "bake"`}},
		{"a wait where there is none", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.SkipWait()
		}, []string{"the job is due and waits for nothing", "RunToWait"}},
		{"a wait after a resume", func(h *testutil.Harness) {
			h.Enqueue(bake{Loaves: 1})
			h.Kill(testutil.AfterStep("knead"))
			h.Resume()
			h.SkipWait()
		}, []string{"the job is due and waits for nothing"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := failure(t, func(t testing.TB) {
				test.run(testutil.NewHarness(t, (&bakery{}).definition()))
			})
			for _, want := range test.want {
				assert.Contains(t, text, want)
			}
		})
	}
}

func TestHarnessReportsADefinitionWithMistakes(t *testing.T) {
	t.Parallel()
	text := failure(t, func(t testing.TB) { testutil.NewHarness(t, steps.Define[bake]()) })
	assert.Contains(t, text, "has no steps")
}

func TestHarnessShowsAJobThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	b := &bakery{onBake: func(ctx context.Context, run *steps.Run[bake], loaf int) error {
		if loaf < 2 {
			return nil
		}
		<-ctx.Done()
		return context.Cause(ctx)
	}}
	text := failure(t, func(t testing.TB) {
		h := testutil.NewHarness(t, b.definition(), testutil.Within(3*time.Second))
		h.Enqueue(bake{Loaves: 3})
		h.Run()
	})
	for _, want := range []string{
		"the job's end did not come within 3s", `of type "bakery:bake" is processing`, `checkpoint: {"step":"bake","value":1}`,
		"1  knead  completed", "2  bake   running", "the engines' log", "job started",
	} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "an engine did not stop")
}

func TestHarnessNamesAStepThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	deaf := make(chan struct{})
	b := &bakery{onBake: func(context.Context, *steps.Run[bake], int) error {
		<-deaf
		return nil
	}}
	text := failure(t, func(t testing.TB) {
		h := testutil.NewHarness(t, b.definition(), testutil.Within(3*time.Second))
		h.Enqueue(bake{Loaves: 1})
		h.Stop(testutil.BeforeStep("bake"))
	})
	close(deaf)
	assert.Contains(t, text, "the engine did not stop within 3s: does the step ignore its context?")
}

// hasty makes a harness with little time, which follows the job of another one.
func hasty(t testing.TB, d steps.Handler, follows *testutil.Harness) *testutil.Harness {
	h := testutil.NewHarness(t, d, testutil.OnDB(follows.DB()), testutil.Within(100*time.Millisecond))
	h.Follow(follows.Status().ID)
	return h
}

func TestHarnessSaysWhatToDoAboutALongWait(t *testing.T) {
	t.Parallel()
	later := testutil.NewHarness(t, (&bakery{}).definition())
	later.Enqueue(bake{Loaves: 1}, engine.At(time.Now().Add(time.Hour)))
	assert.Contains(t, failure(t, func(t testing.TB) { hasty(t, (&bakery{}).definition(), later).Run() }),
		"the job's end did not come within 100ms: the job is scheduled for later. SkipWait ends the wait; or use virtual time")

	d := steps.Define[bake]()
	steps.Sleep(d, "rise", time.Hour)
	rising := testutil.NewHarness(t, d)
	rising.Enqueue(bake{})
	rising.RunToWait()
	assert.Contains(t, failure(t, func(t testing.TB) { hasty(t, d, rising).Run() }),
		`the job's end did not come within 100ms: the job waits for step "rise" to end. RunToWait runs it until it waits, and SkipWait ends that`)
}

func TestHarnessRecognisesStepsThatOnlyWait(t *testing.T) {
	t.Parallel()
	d := steps.Define[bake]()
	steps.Sleep(d, "rise", time.Hour)
	steps.AwaitSignal[bake, string](d, "taste", steps.WasNamed("try"))
	text := failure(t, func(t testing.TB) {
		h := testutil.NewHarness(t, d)
		h.Enqueue(bake{})
		h.FailStep("rise", 1)
	})
	assert.Contains(t, text, `step "rise" waits and calls no function that could fail`)
	h := testutil.NewHarness(t, d)
	h.Enqueue(bake{})
	h.Signal("try", "good") // by its old name
	h.RunToWait()
	h.SkipWait()
	require.Equal(t, model.Succeeded, h.Run().Status)
}
