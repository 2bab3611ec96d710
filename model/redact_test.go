package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/model"
)

const secret = `s3cr3t "tok\en"`

// full returns a job with the secret in each place where a host can put it.
func full(t *testing.T) *model.Job {
	t.Helper()
	quoted, err := json.Marshal(map[string]any{"secret": secret, "shown": "plain"})
	require.NoError(t, err)
	text := fmt.Sprintf("cannot use %q, or %s", secret, quoted)
	record := model.StepRecord{Name: "pay", Status: model.StepCompleted, Output: quoted, Error: text, Undo: &model.UndoRecord{Error: text}}
	data, err := model.Data{
		Input: quoted, Result: quoted, Steps: []model.StepRecord{record}, History: []model.StepRecord{record},
		Undoing: &model.Undoing{Status: model.Failed, Error: text},
	}.JSON()
	require.NoError(t, err)
	checkpoint, err := model.Checkpoints{"pay": quoted, "mail": quoted}.JSON()
	require.NoError(t, err)
	signals, err := json.Marshal(model.Signals{{Name: "approve", Payload: quoted}})
	require.NoError(t, err)
	return &model.Job{
		Type: "shop:order", Name: "Order", Email: secret, UploadedFileURL: "https://host/file?signature=" + secret,
		Data: data, Checkpoints: checkpoint, Signals: signals, Error: text, Message: text, CancelReason: text,
	}
}

// withoutSecrets shows only the key "shown" of an object.
func withoutSecrets(v model.Value) json.RawMessage {
	var object map[string]any
	if json.Unmarshal(v.JSON, &object) != nil {
		return nil
	}
	raw, _ := json.Marshal(map[string]any{"shown": object["shown"]})
	return raw
}

// mentions reports whether the secret is somewhere in v, however it is quoted.
func mentions(t *testing.T, v any) bool {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return strings.Contains(string(raw), "s3cr3t")
}

func TestARedactedJobHasNoSecretAnywhere(t *testing.T) {
	t.Parallel()
	j := full(t)
	before, err := json.Marshal(j)
	require.NoError(t, err)
	shown := model.Redactor(withoutSecrets).Of(j).Job

	assert.False(t, mentions(t, shown))
	data, err := model.ParseData(shown.Data)
	require.NoError(t, err)
	for name, value := range map[string]json.RawMessage{"input": data.Input, "result": data.Result, "output": data.Steps[0].Output, "history": data.History[0].Output} {
		assert.JSONEq(t, `{"shown": "plain"}`, string(value), name)
	}
	assert.Equal(t, "Order", shown.Name)
	assert.Equal(t, model.Hidden, shown.Email)
	assert.Equal(t, model.Hidden, shown.UploadedFileURL)
	assert.Contains(t, shown.Error, "cannot use")
	assert.Equal(t, "pay", data.Steps[0].Name)

	after, err := json.Marshal(j)
	require.NoError(t, err)
	assert.JSONEq(t, string(before), string(after), "the job itself is unchanged")
}

func TestARedactorGetsEachValueWithItsPartAndName(t *testing.T) {
	t.Parallel()
	seen := make(map[string]int)
	model.Redactor(func(v model.Value) json.RawMessage {
		seen[fmt.Sprintf("%s %s %s", v.JobType, v.Part, v.Name)]++
		return v.JSON
	}).Of(full(t))
	assert.Equal(t, map[string]int{
		"shop:order input ": 1, "shop:order result ": 1, "shop:order output pay": 2, // one of them in the history
		"shop:order checkpoint pay": 1, "shop:order checkpoint mail": 1, "shop:order signal approve": 1,
		"shop:order email ": 1, "shop:order uploaded_file_url ": 1,
	}, seen)
}

func TestARedactorThatFailsHidesEverything(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]model.Redactor{
		"panics":           func(model.Value) json.RawMessage { panic(secret) },
		"returns no JSON":  func(v model.Value) json.RawMessage { return v.JSON[:len(v.JSON)-1] },
		"returns nothing":  func(model.Value) json.RawMessage { return json.RawMessage{} },
		"changes its JSON": func(v model.Value) json.RawMessage { v.JSON[0] = 'x'; return v.JSON },
		"panics at the last value only": func(v model.Value) json.RawMessage {
			if v.Part == model.PartSignal {
				panic("late")
			}
			return v.JSON
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			redaction := broken.Of(full(t))
			assert.False(t, mentions(t, redaction.Job))
			assert.NotContains(t, string(redaction.Job.Data), "plain")
			assert.Equal(t, model.Hidden, redaction.Job.Error)
			assert.Equal(t, model.Hidden, redaction.Text("any text"))
		})
	}
}

func TestARowThatCannotBeReadIsHidden(t *testing.T) {
	t.Parallel()
	shows := model.Redactor(func(v model.Value) json.RawMessage { return v.JSON })
	for _, j := range []*model.Job{
		{Data: json.RawMessage("s3cr3t"), Error: "s3cr3t"},
		{Data: json.RawMessage(`{"input": 1, "steps": "s3cr3t"}`), Error: "s3cr3t"},
		{Checkpoints: json.RawMessage("s3cr3t")},
		{Signals: json.RawMessage(`{"s3cr3t": 1}`)},
	} {
		assert.False(t, mentions(t, shows.Of(j).Job), "%s", j.Data)
	}
}

func TestADocumentOfAnotherProducerIsAnInput(t *testing.T) {
	t.Parallel()
	shown := model.Redactor(withoutSecrets).Of(&model.Job{Data: json.RawMessage(`{"token": "s3cr3t", "shown": "plain"}`)}).Job
	data, err := model.ParseData(shown.Data)
	require.NoError(t, err)
	assert.JSONEq(t, `{"shown": "plain"}`, string(data.Input))
}

func TestARedactedErrorStillWrapsItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("declined")
	redaction := model.Redactor(withoutSecrets).OfInput("shop:order", json.RawMessage(`{"card": 4111111111111111, "shown": "plain"}`))
	err := redaction.Error(fmt.Errorf("number 4111111111111111 of plain: %w", cause))
	assert.Equal(t, "number (hidden) of plain: declined", err.Error(), "numbers too")
	require.ErrorIs(t, err, cause)
	assert.NoError(t, redaction.Error(nil))
}

func TestALongerSecretIsNotLeftBehindByAShorterOne(t *testing.T) {
	t.Parallel()
	redaction := model.Redactor(withoutSecrets).OfInput("t", json.RawMessage(`["pass", "password-of-ann", "word"]`))
	assert.Equal(t, "it is (hidden)", redaction.Text("it is password-of-ann"))
}

func TestWithoutARedactorEverythingIsShown(t *testing.T) {
	t.Parallel()
	j := full(t)
	redaction := model.Redactor(nil).Of(j)
	assert.Same(t, j, redaction.Job)
	assert.Equal(t, secret, redaction.Text(secret))
}
