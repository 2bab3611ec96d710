package model_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"

	"github.com/ntxdev/jobsystem/model"
)

func TestStatusesMoveOnlyAsDocumented(t *testing.T) {
	t.Parallel()
	legal := map[model.Status][]model.Status{
		model.Scheduled:  {model.Processing, model.Cancelled},
		model.Processing: {model.Scheduled, model.Succeeded, model.Failed, model.Cancelled},
		model.Succeeded:  {},
		model.Failed:     {model.Scheduled},
		model.Cancelled:  {model.Scheduled},
	}
	for _, from := range model.Statuses() {
		for _, to := range model.Statuses() {
			assert.Equal(t, contains(legal[from], to), from.CanMove(to), "%s to %s", from, to)
		}
	}
	_, err := model.ParseStatus("done")
	assert.ErrorContains(t, err, "succeeded")
}

func contains(list []model.Status, s model.Status) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestTimesAreWrittenAsEachDatabaseStoresThem(t *testing.T) {
	t.Parallel()
	at := model.TimeOf(time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("X", 3600)))
	for dialect, want := range map[schema.Dialect]string{
		sqlitedialect.New(): "1772362800123456",
		pgdialect.New():     "'2026-03-01 11:00:00.123456+00:00'",
		mysqldialect.New():  "'2026-03-01 11:00:00.123456'",
	} {
		b, err := at.AppendQuery(schema.NewQueryGen(dialect), nil)
		require.NoError(t, err)
		assert.Equal(t, want, string(b))
		b, err = model.Time{}.AppendQuery(schema.NewQueryGen(dialect), nil)
		require.NoError(t, err)
		assert.Equal(t, "NULL", string(b))
	}
	for _, src := range []any{int64(1772362800123456), at.Time, "2026-03-01 11:00:00.123456", []byte("2026-03-01 11:00:00.123456+00:00")} {
		var got model.Time
		require.NoError(t, got.Scan(src))
		assert.True(t, at.Equal(got.Time), "%v from %v", got, src)
	}
	var null model.Time
	require.NoError(t, null.Scan(nil))
	assert.True(t, null.IsZero())
	assert.Error(t, null.Scan("yesterday"))
	assert.Error(t, null.Scan(1.5))

	raw, err := json.Marshal(at)
	require.NoError(t, err)
	assert.Equal(t, `"2026-03-01T11:00:00.123456Z"`, string(raw))
	var back model.Time
	require.NoError(t, json.Unmarshal(raw, &back))
	assert.Equal(t, at, back)
	raw, err = json.Marshal(model.Time{})
	require.NoError(t, err)
	assert.Equal(t, "null", string(raw))
	require.NoError(t, json.Unmarshal(raw, &back))
	assert.True(t, back.IsZero())
}

func TestADocumentWithoutTheEnvelopeIsTheInput(t *testing.T) {
	t.Parallel()
	for raw, input := range map[string]string{
		`{"input":{"a":1},"steps":[]}`:             `{"a":1}`,
		`{"input":{"a":1}}`:                        `{"a":1}`,
		`{"input":null,"steps":null,"result":[1]}`: `null`,
		`{"a":1}`:                   `{"a":1}`,
		`{"input":1,"month":"May"}`: `{"input":1,"month":"May"}`,
		`[1,2]`:                     `[1,2]`,
		`"text"`:                    `"text"`,
		` 7 `:                       `7`,
		``:                          `null`,
		`{"steps":[]}`:              `{"steps":[]}`,
	} {
		d, err := model.ParseData(json.RawMessage(raw))
		require.NoError(t, err, raw)
		assert.JSONEq(t, input, string(d.Input), raw)
	}
	for _, raw := range []string{`{`, `{"input":1,"steps":{}}`, `{"input":1,"steps":[{"name":3}]}`} {
		_, err := model.ParseData(json.RawMessage(raw))
		assert.Error(t, err, raw)
	}
}

func TestInterruptMarksTheStepsThatRan(t *testing.T) {
	t.Parallel()
	d := model.Data{Steps: []model.StepRecord{{Name: "a", Status: model.StepCompleted}, {Name: "b", Status: model.StepRunning, OnCrash: model.OnCrashStop}, {Name: "c", Status: model.StepPending}}}
	assert.Equal(t, []string{"b"}, d.Interrupt(model.Time{}))
	assert.Empty(t, d.Interrupt(model.Time{}))
	assert.Equal(t, []model.StepStatus{model.StepCompleted, model.StepInterrupted, model.StepPending}, []model.StepStatus{d.Steps[0].Status, d.Steps[1].Status, d.Steps[2].Status})
	assert.Equal(t, 2, d.Step("c"))
	assert.Equal(t, -1, d.Step("d"))
}

func TestCheckJSONFindsWhatADatabaseWouldChange(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, good := range []string{
		`null`, `{"a":[1,-2.5,1e21,0.1,18446744073709551615,-9223372036854775808]}`, `"\\u0000 \u00fc \ud83d\ude00 \""`,
		`1e300`, `3.3333333333333335e-10`, `100000000000000000000`, deep(model.MaxJSONDepth), `0`, `-0.0`, `0e9`, `0E-999`,
	} {
		assert.NoError(t, model.CheckJSON(json.RawMessage(good)), good)
	}
	for _, bad := range []string{
		``, `{`, `"\u0000"`, `"a\\\u0000"`, `"\ud800"`, `"\ud800x"`, `"\ud800\u0041"`, `"\udc00"`, "\"\xff\"",
		`123456789012345678901`, `1.00000000000000000001`, `1e999`, `1e-999`, `0e131072`, `0e-9999`, deep(model.MaxJSONDepth + 1),
	} {
		assert.Error(t, model.CheckJSON(json.RawMessage(bad)), bad)
	}
}

func TestWeightedShareCountsWhatIsDoneByItsWeight(t *testing.T) {
	t.Parallel()
	record := func(weight float64, status model.StepStatus) model.StepRecord {
		return model.StepRecord{Weight: weight, Status: status}
	}
	for _, c := range []struct {
		name        string
		records     []model.StepRecord
		done, total float64
		share       float64
	}{
		{name: "no steps"},
		{"nothing done", []model.StepRecord{record(2, model.StepPending), record(2, model.StepUndone)}, 0, 4, 0},
		{"some done", []model.StepRecord{record(1, model.StepCompleted), record(2, model.StepSkipped), record(5, model.StepFailed)}, 3, 8, 0.375},
		{"all done", []model.StepRecord{record(0.1, model.StepCompleted), record(0.2, model.StepCompleted)}, 0.1 + 0.2, 0.1 + 0.2, 1},
		{"weights of an older version", []model.StepRecord{record(0, model.StepCompleted)}, 0, 0, 0},
	} {
		done, total := model.Weigh(c.records)
		assert.InDelta(t, c.done, done, 1e-12, c.name)
		assert.InDelta(t, c.total, total, 1e-12, c.name)
		assert.InDelta(t, c.share, model.WeightedShare(c.records), 1e-12, c.name)
	}
}

func TestCutTextFitsEveryDatabase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 1, ""},
		{"ab", 2, "ab"},
		{"abc", 2, "a…"},
		{"abc", 1, "…"},
		{"äöü", 3, "äöü"}, // six bytes, three characters
		{"äöüß", 3, "äö…"},
		{"a\x00b", 3, "ab"},
		{"a\xffb", 3, "a\uFFFDb"},
		{"\x00\x00\x00", 2, ""},
	} {
		assert.Equal(t, c.want, model.CutText(c.text, c.limit), "%q in %d", c.text, c.limit)
	}
}

func TestUnusedSignalsAreThoseThatNoRecordNames(t *testing.T) {
	t.Parallel()
	early, late := model.TimeOf(time.Unix(1_700_000_000, 0)), model.TimeOf(time.Unix(1_700_000_001, 0))
	signals := model.Signals{{Name: "a", SentAt: early}, {Name: "b", SentAt: late}}
	for _, c := range []struct {
		name    string
		records []model.StepRecord
		want    []string
	}{
		{"no records", nil, []string{"a", "b"}},
		{"a step that waits", []model.StepRecord{{Name: "a", Awaits: "a"}}, []string{"a", "b"}},
		{"one used", []model.StepRecord{{Name: "renamed", Awaits: "a", SentAt: early}}, []string{"b"}},
		{"one of that name at another time", []model.StepRecord{{Name: "a", Awaits: "a", SentAt: late}}, []string{"a", "b"}},
		{"all used", []model.StepRecord{{Awaits: "b", SentAt: late}, {Awaits: "a", SentAt: early}}, []string{}},
	} {
		names := []string{}
		for _, signal := range signals.Unused(c.records) {
			names = append(names, signal.Name)
		}
		assert.Equal(t, c.want, names, c.name)
	}
	assert.Len(t, signals, 2, "the signals themselves are unchanged")
}
