package steps_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

type month struct {
	Month string `json:"month"`
}

func (month) JobType() string { return "reports:monthly" }

// memory is a session that keeps everything in memory.
type memory struct {
	job        *model.Job
	outputs    map[string]json.RawMessage
	checkpoint json.RawMessage
	step       string // the running one
	result     json.RawMessage
	reported   []string
}

func newMemory() *memory {
	return &memory{job: &model.Job{ID: uuid.MustParse("01890000-0000-7000-8000-000000000001")}, outputs: map[string]json.RawMessage{}}
}

func (m *memory) Attempt() int    { return 1 }
func (m *memory) BegunAs() string { return m.step }
func (m *memory) Job() *model.Job { return m.job }
func (m *memory) Progress(fraction float64, format string, args []any) {
	m.reported = append(m.reported, fmt.Sprintf("%.2f ", fraction)+fmt.Sprintf(format, args...))
}
func (m *memory) Size(total float64) {}
func (m *memory) Remaining(left time.Duration) {
	m.reported = append(m.reported, left.String()+" left")
}
func (m *memory) Checkpoint(_ context.Context, checkpoint json.RawMessage) error {
	m.checkpoint = checkpoint
	return nil
}
func (m *memory) LastCheckpoint() json.RawMessage { return m.checkpoint }
func (m *memory) Output(step string) (json.RawMessage, bool) {
	raw, ok := m.outputs[step]
	return raw, ok
}
func (m *memory) ChildResults(context.Context, []uuid.UUID) (map[uuid.UUID]json.RawMessage, error) {
	return nil, nil
}
func (m *memory) SetResult(result json.RawMessage) error { m.result = result; return nil }

// run runs a plan as an engine would, without any of its guarantees.
func (m *memory) run(t *testing.T, h steps.Handler, input string) error {
	t.Helper()
	plan, err := h.Plan(json.RawMessage(input))
	require.NoError(t, err)
	for _, s := range plan.Steps {
		m.step = s.Name
		output, err := s.Run(t.Context(), m)
		if err != nil {
			return err
		}
		m.outputs[s.Name] = output
	}
	return nil
}

func TestLaterStepsReadTypedOutputsFromTheRecord(t *testing.T) {
	t.Parallel()
	type totals struct {
		Rows   int `json:"rows"`
		hidden int
	}
	d := steps.Define[month]()
	extract := steps.Add(d, "extract", func(_ context.Context, run *steps.Run[month]) (totals, error) {
		assert.Equal(t, "2026-10", run.Input().Month)
		assert.Equal(t, "extract", run.StepName())
		assert.Equal(t, "01890000-0000-7000-8000-000000000001:extract", run.IdempotencyKey())
		run.Progress(1, 4, "page %d", 1)
		run.Progress(0, 0, "only a message")
		return totals{Rows: 42, hidden: 1}, nil
	}, steps.Weight(7))
	steps.Do(d, "deliver", func(_ context.Context, run *steps.Run[month]) error {
		assert.Equal(t, totals{Rows: 42}, extract.Output(run), "as recorded: a field without JSON is zero")
		return run.SetResult(map[string]int{"sent": 1})
	})
	require.NoError(t, d.Validate())
	assert.Equal(t, "reports:monthly", d.JobType())
	assert.Equal(t, "extract", extract.Name())
	m := newMemory()
	require.NoError(t, m.run(t, d, `{"month":"2026-10"}`))
	assert.Equal(t, []string{"0.25 page 1", "-1.00 only a message"}, m.reported)
	assert.JSONEq(t, `{"sent":1}`, string(m.result))
	assert.Nil(t, m.outputs["deliver"])
}

func TestTheInputIsDecodedAgainForEachStep(t *testing.T) {
	t.Parallel()
	type in struct{ Tags map[string]int }
	d := steps.Define[in](steps.Type("x"))
	for _, name := range []string{"a", "b"} {
		steps.Do(d, name, func(_ context.Context, run *steps.Run[in]) error {
			assert.Equal(t, map[string]int{"k": 1}, run.Input().Tags)
			run.Input().Tags["k"] = 2
			return nil
		})
	}
	require.NoError(t, newMemory().run(t, d, `{"Tags":{"k":1}}`))
}

func TestACheckpointIsReadBackWithItsType(t *testing.T) {
	t.Parallel()
	d := steps.Define[month]()
	steps.Do(d, "a", func(ctx context.Context, run *steps.Run[month]) error {
		page := 0
		found, err := run.LastCheckpoint(&page)
		if err != nil || found {
			return fmt.Errorf("found %v, %w", found, err)
		}
		if err := run.Checkpoint(ctx, 3); err != nil {
			return err
		}
		found, err = run.LastCheckpoint(&page)
		assert.True(t, found)
		assert.Equal(t, 3, page)
		if err != nil {
			return err
		}
		_, err = run.LastCheckpoint(new(string))
		assert.ErrorContains(t, err, `step "a": its recorded checkpoint does not fit`)
		assert.Error(t, run.Checkpoint(ctx, math.NaN()))
		return nil
	})
	require.NoError(t, newMemory().run(t, d, `{}`))
}

func TestCancelledDependsOnTheCauseOfTheContextsEnd(t *testing.T) {
	t.Parallel()
	for cause, want := range map[error]bool{steps.ErrCancelled: true, steps.ErrShutdown: false, steps.ErrLeaseLost: false, context.Canceled: false} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		d := steps.Define[month]()
		steps.Do(d, "a", func(_ context.Context, run *steps.Run[month]) error {
			assert.Equal(t, want, run.Cancelled(), "%v", cause)
			return nil
		})
		plan, err := d.Plan([]byte(`{}`))
		require.NoError(t, err)
		_, err = plan.Steps[0].Run(ctx, newMemory())
		require.NoError(t, err)
	}
}

type panics struct{}

func (*panics) JobType() string { panic("needs a value") }

func TestMistakesAreReportedTogetherAndNeverPanic(t *testing.T) {
	t.Parallel()
	d := steps.Define[month]()
	do := func(context.Context, *steps.Run[month]) error { return nil }
	steps.Do(d, "a", do)
	steps.Do(d, "a", do)
	steps.Do(d, " b", do)
	steps.Do(d, "t\tb", do)
	steps.Do(d, "zero", do, steps.Weight(0))
	steps.Do(d, "nan", do, steps.Weight(math.NaN()))
	steps.Do(d, "inf", do, steps.Weight(math.Inf(1)))
	steps.Add[month, int](d, "nil", nil)
	err := d.Validate()
	for _, want := range []string{`"a" is taken by step 1`, `" b" begins or ends`, "cannot be printed", `"zero": weight 0`, `"nan": weight NaN`, `"inf": weight +Inf`, `"nil": its function is nil`} {
		assert.ErrorContains(t, err, want)
	}
	assert.ErrorContains(t, steps.Define[month]().Validate(), "has no steps")
	assert.ErrorContains(t, steps.Define[int]().Validate(), "steps.Type")
	assert.ErrorContains(t, steps.Define[panics]().Validate(), "is empty")
	assert.ErrorContains(t, steps.DefineFunc[month](nil).Validate(), "build function is nil")
	built := steps.DefineFunc(func(month) (*steps.Definition[month], error) { return nil, nil })
	steps.Do(built, "a", do)
	assert.ErrorContains(t, built.Validate(), "made with DefineFunc")
}

func TestMistakesInGroupsAndUndoAreReported(t *testing.T) {
	t.Parallel()
	do := func(context.Context, *steps.Run[month]) error { return nil }
	d := steps.Define[month]()
	group := steps.Parallel(d, "group", steps.MaxParallel(-1))
	steps.Parallel(d, "group")
	steps.Parallel(d, "")
	steps.Do(group, "member", do)
	steps.Sleep(group, "sleeper", 0)
	steps.AwaitSignal[month, int](group, "signal")
	steps.Do(d, "ends it", do)
	steps.Do(group, "late", do)
	steps.Do(group, "member", do)
	steps.Do(d, "undo of another type", do, steps.Undo(func(context.Context, *steps.Run[month], int) error { return nil }))
	steps.Do(d, "undo of another input", do, steps.Undo(func(context.Context, *steps.Run[int], steps.None) error { return nil }))
	steps.Do(d, "no undo", do, steps.Undo[month, steps.None](nil))
	steps.Sleep(d, "undone sleep", 0, steps.Undo(func(context.Context, *steps.Run[month], steps.None) error { return nil }))
	steps.InTx[month, int](d, "nil", nil)
	err := d.Validate()
	for _, want := range []string{
		`group "group": MaxParallel(-1) is negative`, `group "group": its name is taken`, `group "": its name is empty`,
		`"sleeper": a step that waits cannot be a member`, `"signal": a step that waits cannot be a member`,
		`"late": group "group" was ended by step "ends it"`, `"member" is taken by step 1`,
		`"undo of another type": the function of Undo takes a int, but the step returns a steps.None`,
		`"undo of another input": the function of Undo is for another type of input`, `"no undo": the function of Undo is nil`,
		`"undone sleep": a step that waits has nothing to undo`, `"nil": its function is nil`,
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestUndoOnNamesFailedOrCancelledJobs(t *testing.T) {
	t.Parallel()
	do := func(context.Context, *steps.Run[month]) error { return nil }
	define := func(opts ...steps.DefineOption) *steps.Definition[month] {
		d := steps.Define[month](opts...)
		steps.Do(d, "reserve", do, steps.Undo(func(context.Context, *steps.Run[month], steps.None) error { return nil }))
		return d
	}
	for _, c := range []struct {
		name string
		opts []steps.DefineOption
		want []model.Status // nil for a mistake
	}{
		{"by default", nil, []model.Status{model.Failed, model.Cancelled}},
		{"one", []steps.DefineOption{steps.UndoOn(model.Failed)}, []model.Status{model.Failed}},
		{"both", []steps.DefineOption{steps.UndoOn(model.Cancelled, model.Failed)}, []model.Status{model.Cancelled, model.Failed}},
		{"the last one counts", []steps.DefineOption{steps.UndoOn(model.Failed), steps.UndoOn(model.Cancelled)}, []model.Status{model.Cancelled}},
		{"a corrected mistake", []steps.DefineOption{steps.UndoOn(), steps.UndoOn(model.Failed)}, []model.Status{model.Failed}},
		{"none", []steps.DefineOption{steps.UndoOn()}, nil},
		{"a job that succeeds", []steps.DefineOption{steps.UndoOn(model.Succeeded)}, nil},
		{"one of them wrong", []steps.DefineOption{steps.UndoOn(model.Failed, model.Scheduled)}, nil},
		{"an unknown status", []steps.DefineOption{steps.UndoOn("broken")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := define(c.opts...)
			if c.want == nil {
				assert.ErrorContains(t, d.Validate(), "must name failed, cancelled or both")
				return
			}
			require.NoError(t, d.Validate())
			plan, err := d.Plan([]byte(`{}`))
			require.NoError(t, err)
			assert.Equal(t, c.want, plan.UndoOn)
		})
	}
	assert.ErrorContains(t, define(steps.UndoOn(model.Succeeded)).Validate(), `UndoOn(["succeeded"])`, "the mistake names the status")
}

func TestAPlanThatCannotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	for name, build := range map[string]func(month) (*steps.Definition[month], error){
		"boom":         func(month) (*steps.Definition[month], error) { return nil, boom },
		"returned nil": func(month) (*steps.Definition[month], error) { return nil, nil },
		"has no steps": func(month) (*steps.Definition[month], error) { return steps.Define[month](), nil },
		"made with DefineFunc": func(month) (*steps.Definition[month], error) {
			return steps.DefineFunc(func(month) (*steps.Definition[month], error) { return nil, nil }), nil
		},
	} {
		_, err := steps.DefineFunc(build).Plan([]byte(`{}`))
		assert.ErrorContains(t, err, name)
	}
	_, err := steps.Define[month]().Plan([]byte(`{"month":3}`))
	assert.ErrorContains(t, err, "input does not fit")
}

func TestARecordedOutputIsCheckedAgainstItsType(t *testing.T) {
	t.Parallel()
	d := steps.Define[month]()
	steps.Add(d, "n", func(context.Context, *steps.Run[month]) (int, error) { return 1, nil })
	steps.Do(d, "none", func(context.Context, *steps.Run[month]) error { return nil })
	plan, err := d.Plan([]byte(`{}`))
	require.NoError(t, err)
	read := func(i int, output string) error {
		var raw json.RawMessage
		if output != "" {
			raw = json.RawMessage(output)
		}
		_, err := plan.Steps[i].Read(raw, 0)
		return err
	}
	assert.NoError(t, read(0, `7`))
	assert.ErrorContains(t, read(0, `"seven"`), `no longer decodes (recorded under version 0, now it is 0): it is a JSON string, and a int is wanted`)
	assert.Error(t, read(0, ""), "a step that produces something has recorded it")
	assert.NoError(t, read(1, ""))
}

func TestABuildThatPanicsIsAnError(t *testing.T) {
	t.Parallel()
	_, err := steps.DefineFunc(func(month) (*steps.Definition[month], error) { panic("no regions") }).Plan([]byte(`{}`))
	assert.ErrorContains(t, err, "panic: no regions")
	var panicked *plan.PanicError
	require.ErrorAs(t, err, &panicked)
	assert.Contains(t, string(panicked.Stack), "steps_test.go")
}
