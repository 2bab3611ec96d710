package model_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
)

// newerDocument has in each of its objects keys that this version does not know, and
// has every key that it knows.
const newerDocument = `{"input":{"a":1},"result":[1],"trace":{"id":"t-1"},"history_dropped":2,
	"plan":{"fingerprint":"f","earlier":"e","resume_on_crash":3,"crashes":1,"worked_ms":5,"undo_on_cancel":true,"priority":9},
	"undoing":{"status":"failed","error":"boom","since":"2030-01-01"},
	"steps":[
		{"name":"a","status":"completed","weight":1,"attempts":1,"output":42,"region":"eu","undo":{"status":"pending","attempts":0,"by":"ann"}},
		{"name":"b","status":"parked","lock":[1,{"deep":null}]}],
	"history":[{"name":"a","status":"completed","region":"us","undo":{"status":"completed","attempts":1,"by":"bob"}}]}`

func TestWhatANewerVersionHasWrittenIsKept(t *testing.T) {
	t.Parallel()
	data, err := model.ParseData(json.RawMessage(newerDocument))
	require.NoError(t, err)
	assert.JSONEq(t, `{"a":1}`, string(data.Input))
	assert.Equal(t, model.StepStatus("parked"), data.Steps[1].Status)
	raw, err := data.JSON()
	require.NoError(t, err)
	assert.JSONEq(t, newerDocument, string(raw))

	record, err := json.Marshal(data.Steps[1])
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"b","status":"parked","lock":[1,{"deep":null}]}`, string(record), "alone, as a run writes it")
	assert.Greater(t, data.Size(), model.Data{Input: data.Input, Steps: []model.StepRecord{{Name: "a"}, {Name: "b"}}, History: []model.StepRecord{{Name: "a"}}}.Size()+40)

	reset, err := data.Reset().JSON()
	require.NoError(t, err)
	assert.JSONEq(t, `{"input":{"a":1},"steps":[],"trace":{"id":"t-1"}}`, string(reset))
}

// Every object of a document keeps its unknown keys. The test finds the types by
// reflection, so it also covers a type that is added to the model later.
func TestEveryObjectOfTheDocumentKeepsUnknownKeys(t *testing.T) {
	t.Parallel()
	seen := make(map[reflect.Type]bool)
	var visit func(reflect.Type)
	visit = func(of reflect.Type) {
		switch {
		case of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice:
			visit(of.Elem())
		case of.Kind() != reflect.Struct || seen[of] || of == reflect.TypeFor[model.Time]() || of == reflect.TypeFor[uuid.UUID]():
		default:
			seen[of] = true
			_, keeps := of.FieldByName("unknown")
			assert.True(t, keeps && of.Implements(reflect.TypeFor[json.Marshaler]()), "%v", of)
			for field := range of.Fields() {
				visit(field.Type)
			}
		}
	}
	visit(reflect.TypeFor[model.Data]())
	visit(reflect.TypeFor[model.Signals]())
	assert.Len(t, seen, 7)
}

func TestSignalsKeepWhatANewerVersionHasWritten(t *testing.T) {
	t.Parallel()
	const column = `[{"name":"a","payload":1,"sent_by":"ann","sent_at":"2026-03-01T11:00:00.123456Z","channel":"mail"},{"name":"b","sent_at":null}]`
	signals, err := model.ParseSignals(json.RawMessage(column))
	require.NoError(t, err)
	raw, err := json.Marshal(signals.Without("b", model.Time{}))
	require.NoError(t, err)
	assert.JSONEq(t, `[{"name":"a","payload":1,"sent_by":"ann","sent_at":"2026-03-01T11:00:00.123456Z","channel":"mail"}]`, string(raw))
}

// A document with an unknown key comes from another producer only if it lacks what
// every version writes.
func TestADocumentOfANewerVersionIsNotTakenForAnotherProducers(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		`{"input":1,"steps":[],"trace":"t"}`,
		`{"input":1,"steps":[{"name":"a","status":"parked"}],"trace":"t"}`,
	} {
		d, err := model.ParseData(json.RawMessage(raw))
		require.NoError(t, err)
		assert.JSONEq(t, `1`, string(d.Input), raw)
		again, err := d.JSON()
		require.NoError(t, err)
		assert.JSONEq(t, raw, string(again))
	}
	for _, raw := range []string{
		`{"input":1,"trace":"t"}`,
		`{"input":1,"steps":null,"trace":"t"}`,
		`{"input":1,"steps":["mix","bake"],"title":"cake"}`,
		`{"input":1,"steps":[{"name":"mix"}],"title":"cake"}`,
		`{"input":1,"steps":{"name":"mix","status":"done"},"title":"cake"}`,
	} {
		d, err := model.ParseData(json.RawMessage(raw))
		require.NoError(t, err)
		assert.JSONEq(t, raw, string(d.Input))
	}
}

// A step in an unknown state does not count as one in whose middle the process died.
// A step with an unknown policy for crashes needs a person to decide.
func TestStatesOfANewerVersionAreNotMisread(t *testing.T) {
	t.Parallel()
	for _, s := range []model.StepStatus{model.StepPending, model.StepRunning, model.StepCompleted, model.StepFailed, model.StepCancelled, model.StepInterrupted, model.StepSkipped, model.StepWaiting, model.StepUndone} {
		assert.True(t, s.Known(), s)
	}
	assert.False(t, model.StepStatus("parked").Known())
	d := model.Data{Steps: []model.StepRecord{{Name: "a", Status: "parked"}, {Name: "b", Status: model.StepRunning, OnCrash: "ask"}}}
	assert.Equal(t, []string{"b"}, d.Interrupt(model.Time{}))
	assert.Equal(t, model.StepStatus("parked"), d.Steps[0].Status)
}
