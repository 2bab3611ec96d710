package steps_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// The types of one step's output, from the oldest version of the definition to the newest.
type (
	totals1 struct {
		Rows string `json:"rows"`
	}
	totals2 struct {
		Rows int `json:"rows"`
	}
	totals3 struct {
		Lines int `json:"lines"`
	}
)

func oneToTwo(old totals1) (totals2, error) {
	if old.Rows == "" {
		return totals2{}, errors.New("no rows were counted")
	}
	return totals2{Rows: len(old.Rows)}, nil
}

func twoToThree(old totals2) (totals3, error) { return totals3{Lines: old.Rows}, nil }

// counts returns a definition with one step that has these options.
func counts(opts ...steps.Option) *steps.Definition[month] {
	d := steps.Define[month]()
	steps.Add(d, "count", func(context.Context, *steps.Run[month]) (totals3, error) { return totals3{}, nil }, opts...)
	return d
}

func reader(t *testing.T, d *steps.Definition[month]) func(output string, version int) (string, error) {
	t.Helper()
	require.NoError(t, d.Validate())
	plan, err := d.Plan([]byte(`{}`))
	require.NoError(t, err)
	return func(output string, version int) (string, error) {
		raw, err := plan.Steps[0].Read(json.RawMessage(output), version)
		return string(raw), err
	}
}

func TestAnOldOutputGoesThroughTheChainOfMigrations(t *testing.T) {
	t.Parallel()
	read := reader(t, counts(steps.Version(3), steps.Migrate(2, twoToThree), steps.Migrate(1, oneToTwo)))
	for version, output := range map[int]string{1: `{"rows":"four"}`, 2: `{"rows":4}`, 3: `{"lines":4}`} {
		got, err := read(output, version)
		require.NoError(t, err)
		assert.JSONEq(t, `{"lines":4}`, got, "version %d", version)
	}
	_, err := read(`{"rows":""}`, 1)
	assert.EqualError(t, err, "of version 1 cannot be migrated to version 3 (Migrate from 1): no rows were counted")
	_, err = read(`{"rows":[]}`, 2)
	assert.ErrorContains(t, err, `of version 2 cannot be migrated to version 3 (Migrate from 2): field "rows" is a JSON array, and a int is wanted`)
	_, err = read(`{}`, 0)
	assert.EqualError(t, err, "is of version 0, and the definition has version 3: add a steps.Migrate from 0")
	_, err = read(`{}`, 4)
	assert.EqualError(t, err, "is of version 4, newer than the definition's 3: a newer program has written it")
}

func TestAnOutputThatNoLongerDecodesNamesTheFieldAndTheVersion(t *testing.T) {
	t.Parallel()
	_, err := reader(t, counts(steps.Version(2)))(`{"lines":"four"}`, 2)
	assert.ErrorContains(t, err, `no longer decodes (recorded under version 2, now it is 2): field "lines" is a JSON string, and a int is wanted`)
	_, err = counts().Plan([]byte(`{}`))
	require.NoError(t, err)
	plan, err := counts().Plan([]byte(`{}`))
	require.NoError(t, err)
	_, err = plan.Steps[0].Read(nil, 0)
	assert.EqualError(t, err, "is missing: the step had no output when it was recorded, and returns a steps_test.totals3 now")
}

func TestAMigrationThatPanicsIsAnError(t *testing.T) {
	t.Parallel()
	read := reader(t, counts(steps.Version(1), steps.Migrate(0, func(map[string]any) (totals3, error) { panic("no idea") })))
	_, err := read(`{}`, 0)
	assert.ErrorContains(t, err, "of version 0 cannot be read: panic: no idea")
	var panicked *plan.PanicError
	require.ErrorAs(t, err, &panicked)
	assert.Contains(t, string(panicked.Stack), "version_test.go")
}

func TestMigrationsThatDoNotFitTogetherAreMistakes(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string][]steps.Option{
		"its Migrate from 1 returns steps_test.totals2, but the step returns steps_test.totals3":         {steps.Version(2), steps.Migrate(1, oneToTwo)},
		"its Migrate from 0 returns steps_test.totals3, but the Migrate from 1 takes steps_test.totals2": {steps.Version(2), steps.Migrate(0, func(totals1) (totals3, error) { return totals3{}, nil }), steps.Migrate(1, twoToThree)},
		"has a Migrate from 2, which is not an older version than its own, 2":                            {steps.Version(2), steps.Migrate(2, twoToThree)},
		"has a Migrate from -1":                     {steps.Migrate(-1, twoToThree)},
		"has two Migrates from 1":                   {steps.Version(2), steps.Migrate(1, twoToThree), steps.Migrate(1, twoToThree)},
		"the function of its Migrate from 1 is nil": {steps.Version(2), steps.Migrate[totals2, totals3](1, nil)},
		"its version -1 is negative":                {steps.Version(-1)},
	} {
		assert.ErrorContains(t, counts(opts...).Validate(), want)
	}
	d := steps.Define[month]()
	steps.Do(d, "do", func(context.Context, *steps.Run[month]) error { return nil }, steps.Version(1), steps.Migrate(0, twoToThree))
	assert.ErrorContains(t, d.Validate(), "has a Migrate, but no output")
}

func TestANameThatCouldMeanTwoStepsIsAMistake(t *testing.T) {
	t.Parallel()
	do := func(context.Context, *steps.Run[month]) error { return nil }
	d := steps.Define[month](steps.Removed("b", "gone", "gone", "older", " "))
	steps.Do(d, "a", do, steps.WasNamed("b", "older"))
	steps.Do(d, "b", do, steps.WasNamed("older", "b"))
	for _, want := range []string{
		`step "a": WasNamed: "b" is the name of step "b"`, `step "b": WasNamed: "older" is an older name of step "a"`,
		`step "b": WasNamed: "b" is the name of step "b"`, `Removed: "b" is the name of step "b"`, `Removed: "gone" is removed already`,
		`Removed: "older" is an older name of step "a"`, `Removed: " " begins or ends`,
	} {
		assert.ErrorContains(t, d.Validate(), want)
	}
}

func TestABuiltDefinitionMayRemoveStepsAndHasNoOptionsForTheJob(t *testing.T) {
	t.Parallel()
	do := func(context.Context, *steps.Run[month]) error { return nil }
	build := func(opts ...steps.DefineOption) (*plan.Plan, error) {
		return steps.DefineFunc(func(month) (*steps.Definition[month], error) {
			built := steps.Define[month](opts...)
			steps.Do(built, "a", do)
			return built, nil
		}, steps.Removed("outer")).Plan([]byte(`{}`))
	}
	plan, err := build(steps.Removed("inner"))
	require.NoError(t, err)
	assert.Equal(t, []string{"outer", "inner"}, plan.Removed)
	for _, opt := range []steps.DefineOption{steps.JobTimeout(1), steps.ResumeOnCrash(1), steps.UndoOn(model.Failed, model.Cancelled)} {
		_, err = build(opt)
		assert.ErrorContains(t, err, "give them to DefineFunc")
	}
}
