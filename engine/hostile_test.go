package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// hostile are texts that mean something to SQL, to Bun's placeholders or to the templates
// of the engine's statements; package store tests more of them. They are valid names of
// types and steps.
var hostile = []string{
	`'; DROP TABLE job_system_jobs; --`, `中\' OR 1=1 --`, `\`, `??0 $1 :a @b %s %!d`, `{now}{keys}{owner}checkpoints`,
	`v.attempt v.message v.value0 l.type`, "`\"'\U0001F4A3e\u0301", `{"a": [1]}`, strings.Repeat("💣", model.MaxName-1), // its first step has a character more
}

// shortened returns a hostile text of limit characters, for fields that need not be names.
func shortened(text string, limit int) string {
	runes := []rune(text + "\n\t\u2028\u202e\x01\x7f" + strings.Repeat(`'\💣"`, limit/4))
	return string(runes[:limit])
}

type words struct {
	Text string            `json:"text"`
	Keys map[string]string `json:"keys"`
}

func wordsOf(text string) words {
	return words{shortened(text, 2000), map[string]string{text: text, "?": "{now}"}}
}

// hostileJob is a definition that uses a hostile text for each of its names and values.
func hostileJob(text string) *steps.Definition[words] {
	d := steps.Define[words](steps.Type(text))
	steps.Add(d, text+".", func(ctx context.Context, run *steps.Run[words]) (words, error) {
		return run.Input(), run.Checkpoint(ctx, run.Input())
	})
	steps.AwaitSignal[words, words](d, text)
	steps.Do(d, "fail", func(ctx context.Context, run *steps.Run[words]) error {
		run.Progress(1, 2, "%s", shortened(text, 1000))
		if err := errors.Join(run.SetResult(run.Input()), run.Checkpoint(ctx, run.Input())); err != nil {
			return err
		}
		return errors.New(shortened(text, 3000))
	})
	return d
}

func TestEveryTextIsReadBackUnchanged(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		for _, text := range hostile {
			require.NoError(t, eng.Register(hostileJob(text)))
		}
		start(t, eng)
		for _, text := range hostile {
			checkHostile(t, eng, text)
		}
	})
}

// checkHostile runs a hostile job and one that is cancelled, and checks all of their texts.
func checkHostile(t *testing.T, eng *engine.Engine, text string) {
	said, err := json.Marshal(wordsOf(text))
	require.NoError(t, err)
	key := shortened(text, 254) + "."
	opts := []engine.EnqueueOption{
		engine.Name(shortened(text, 255)), engine.Role(shortened(text, 255)), engine.Email(shortened(text, 320)), engine.UploadedFileURL(shortened(text, 2048)), engine.IdempotencyKey(key),
	}
	job := enqueue(t, eng, engine.RawInput{Type: text, Input: said}, opts...)
	assert.True(t, enqueue(t, eng, engine.RawInput{Type: text, Input: said}, opts...).Existing)
	_, err = eng.Signal(t.Context(), job.ID, text, wordsOf(text), shortened(text, 255))
	require.NoError(t, err)

	s := ended(t, eng, job.ID)
	assert.Equal(t, model.Failed, s.Status, s.Error)
	assert.Equal(t, text, s.Type)
	assert.Equal(t, shortened(text, 255), s.Name)
	assert.Equal(t, shortened(text, 255), s.Role)
	assert.Equal(t, shortened(text, 320), s.Email)
	assert.Equal(t, shortened(text, 2048), s.UploadedFileURL)
	assert.Equal(t, shortened(text, 1000), s.Message)
	assert.Equal(t, shortened(text, 3000), s.Steps[2].Error)
	assert.Equal(t, shortened(text, 255), s.Steps[1].SentBy)
	assert.Equal(t, []string{text + ".", text, "fail"}, []string{s.Steps[0].Name, s.Steps[1].Name, s.Steps[2].Name})
	checkpoints, err := model.ParseCheckpoints(s.Checkpoints)
	require.NoError(t, err)
	for _, raw := range []json.RawMessage{s.Result, s.Steps[0].Output, s.Steps[1].Output, checkpoints["fail"]} {
		var got words
		require.NoError(t, json.Unmarshal(raw, &got), "%s", raw)
		assert.Equal(t, wordsOf(text), got)
	}
	row, err := eng.Job(t.Context(), job.ID)
	require.NoError(t, err)
	assert.Equal(t, key, *row.IdempotencyKey)

	other := enqueue(t, eng, engine.RawInput{Type: text, Input: said}, engine.At(model.MaxTime().AddDate(-1, 0, 0)))
	require.NoError(t, eng.Cancel(t.Context(), other.ID, shortened(text, 255), shortened(text, 1000)))
	s = ended(t, eng, other.ID)
	assert.Equal(t, shortened(text, 255), s.CancelledBy)
	assert.Equal(t, shortened(text, 1000), s.CancelReason)
	listed, err := eng.List(t.Context(), engine.Filter{Types: []string{text}})
	require.NoError(t, err)
	assert.Len(t, listed, 2, "and no job of another type")
}

func TestATextThatNoDatabaseStoresIsRejectedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		here := enqueue(t, eng, input{})
		for _, bad := range []string{"a\x00b", "a\xffb", "中\xe4\xb8", strings.Repeat("x", 3000)} {
			inJSON, _ := json.Marshal(bad)
			for what, do := range map[string]func() error{
				"type":    func() error { return made(eng.Enqueue(t.Context(), engine.RawInput{Type: bad})) },
				"name":    func() error { return made(eng.Enqueue(t.Context(), input{}, engine.Name(bad))) },
				"role":    func() error { return made(eng.Enqueue(t.Context(), input{}, engine.Role(bad))) },
				"email":   func() error { return made(eng.Enqueue(t.Context(), input{}, engine.Email(bad))) },
				"url":     func() error { return made(eng.Enqueue(t.Context(), input{}, engine.UploadedFileURL(bad))) },
				"key":     func() error { return made(eng.Enqueue(t.Context(), input{}, engine.IdempotencyKey(bad))) },
				"by":      func() error { return eng.Cancel(t.Context(), here.ID, bad, "") },
				"reason":  func() error { return eng.Cancel(t.Context(), here.ID, "", bad) },
				"signal":  func() error { return made(eng.Signal(t.Context(), here.ID, bad, nil, "")) },
				"sent by": func() error { return made(eng.Signal(t.Context(), here.ID, "s", nil, bad)) },
				"filter":  func() error { return made(eng.List(t.Context(), engine.Filter{Types: []string{"a", bad}})) },
			} {
				require.ErrorIs(t, do(), engine.ErrInvalid, "%s %.20q", what, bad)
			}
			if strings.Contains(bad, "\x00") {
				require.ErrorIs(t, made(eng.Enqueue(t.Context(), engine.RawInput{Type: "t", Input: inJSON})), engine.ErrInvalid)
				require.ErrorIs(t, made(eng.Signal(t.Context(), here.ID, "s", json.RawMessage(inJSON), "")), engine.ErrInvalid)
			}
		}
		all, err := eng.List(t.Context(), engine.Filter{Deleted: true})
		require.NoError(t, err)
		require.Len(t, all, 1)
		row, err := eng.Job(t.Context(), here.ID)
		require.NoError(t, err)
		assert.Equal(t, here.UpdatedAt, row.UpdatedAt, "nothing was written")
	})
}

// made returns the error of a call that returns something else too.
func made[T any](_ T, err error) error { return err }
