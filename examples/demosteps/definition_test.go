package demosteps_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/examples/demosteps"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
	"github.com/ntxdev/jobsystem/testutil"
)

// progressSession records the progress that a step reports.
type progressSession struct {
	plan.Session
	resumptions int

	mu        sync.Mutex
	fractions []float64
	message   string
}

func (s *progressSession) Job() *model.Job { return &model.Job{Resumptions: s.resumptions} }

func (s *progressSession) Progress(fraction float64, format string, args []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fractions, s.message = append(s.fractions, fraction), fmt.Sprintf(format, args...)
}

func (s *progressSession) Size(float64) {}

func planOf(t *testing.T, input string) []plan.Step {
	t.Helper()
	plan, err := demosteps.Definition(demosteps.Type).Plan(json.RawMessage(input))
	require.NoError(t, err)
	return plan.Steps
}

func TestDefinitionsHaveTenTypes(t *testing.T) {
	t.Parallel()
	var types []string
	for _, d := range demosteps.Definitions() {
		require.NoError(t, d.Validate())
		types = append(types, d.JobType())
	}
	assert.Equal(t, "demo:steps demo:steps-1 demo:steps-2 demo:steps-3 demo:steps-4 demo:steps-5 "+
		"demo:steps-6 demo:steps-7 demo:steps-8 demo:steps-9", strings.Join(types, " "))
}

func TestTheInputSetsTheStepsOfThePlan(t *testing.T) {
	t.Parallel()
	planned := planOf(t, `{"steps":12}`)
	require.Len(t, planned, 12)
	assert.Equal(t, "step-1", planned[0].Name)
	assert.Equal(t, "step-12", planned[11].Name)
	assert.Equal(t, planned[0].Weight, planned[11].Weight)
}

func TestThePlanOfAnInvalidInputIsAnError(t *testing.T) {
	t.Parallel()
	_, err := demosteps.Definition(demosteps.Type).Plan(json.RawMessage(`{"steps":0,"step_ms":-5}`))
	assert.ErrorContains(t, err, "steps is 0")
	assert.ErrorContains(t, err, "step_ms is -5")
}

func TestAStepTakesItsTimeAndReportsProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &progressSession{}
		start := time.Now()
		output, err := planOf(t, `{"step_ms":200,"output_bytes":4}`)[2].Run(t.Context(), s)

		require.NoError(t, err)
		assert.Equal(t, 200*time.Millisecond, time.Since(start))
		assert.JSONEq(t, `{"step":3,"payload":"xxxx"}`, string(output))
		assert.Equal(t, []float64{0, 0.25, 0.5, 0.75, 1}, s.fractions)
		assert.Equal(t, "step 3 of 5: 200ms of 200ms", s.message)
	})
}

func TestALongStepReportsProgressTwentyTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &progressSession{}
		_, err := planOf(t, `{"step_ms":3600000}`)[0].Run(t.Context(), s)
		require.NoError(t, err)
		assert.Len(t, s.fractions, 21)
	})
}

func TestAStepReturnsAtOnceWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("cause")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(70*time.Millisecond, func() { cancel(cause) })
		start := time.Now()
		_, err := planOf(t, `{"step_ms":3600000}`)[0].Run(ctx, &progressSession{})
		assert.Equal(t, cause, err)
		assert.Equal(t, 70*time.Millisecond, time.Since(start))
	})
}

func TestAStepWithoutDurationChecksItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(steps.ErrCancelled)
	_, err := planOf(t, `{"step_ms":0}`)[0].Run(ctx, &progressSession{})
	assert.ErrorIs(t, err, steps.ErrCancelled)
}

func TestAJobFailsAtItsStep(t *testing.T) {
	t.Parallel()
	h := testutil.NewHarness(t, demosteps.Definition(demosteps.Type))
	h.Enqueue(demosteps.Input{StepMS: new(0), FailAt: 3})

	status := h.Run()

	assert.Equal(t, model.Failed, status.Status)
	assert.Equal(t, `step "step-3": fails because fail_at is 3`, status.Error)
	assert.Equal(t, 2, status.StepsCompleted)
	h.Resume()
	assert.Equal(t, model.Failed, h.Run().Status, "it fails every time")
}

func TestAJobThatFailsOnceSucceedsWhenResumed(t *testing.T) {
	t.Parallel()
	h := testutil.NewHarness(t, demosteps.Definition(demosteps.Type))
	h.Enqueue(demosteps.Input{StepMS: new(0), OutputBytes: new(0), FailAt: 5, FailTimes: 1})

	assert.Equal(t, model.Failed, h.Run().Status)
	h.Resume()
	status := h.Run()

	assert.Equal(t, model.Succeeded, status.Status)
	assert.JSONEq(t, `{"step":5,"payload":""}`, string(status.Result))
}

func TestAJobPanicsAtItsStep(t *testing.T) {
	t.Parallel()
	h := testutil.NewHarness(t, demosteps.Definition(demosteps.Type))
	h.Enqueue(demosteps.Input{Steps: 2, StepMS: new(0), PanicAt: 2})
	status := h.Run()
	assert.Equal(t, model.Failed, status.Status)
	assert.Contains(t, status.Error, "panic: step 2 panics because panic_at is 2")
}

func TestAJobWithAnInvalidInputFailsWithAllMistakes(t *testing.T) {
	t.Parallel()
	h := testutil.NewHarness(t, demosteps.Definition("demo:steps-7"))
	h.Enqueue(engine.RawInput{Type: "demo:steps-7", Input: json.RawMessage(`{"steps":9000,"fail_times":2}`)})
	status := h.Run()
	assert.Equal(t, model.Failed, status.Status)
	assert.Contains(t, status.Error, "steps is 9000: want 1 to 1000")
	assert.Contains(t, status.Error, "fail_at is not")
}
