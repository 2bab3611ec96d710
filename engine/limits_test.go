package engine_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// sized returns a JSON text of that many bytes.
func sized(n int) json.RawMessage {
	return json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`)
}

// bounds are small, and differ from each other.
var bounds = engine.Limits{Input: 500, Output: 300, Data: 2000}

// What has the size of its bound is stored, and one byte more is rejected, however it is
// passed.
func TestEveryWayIntoARowHasItsBound(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, testdb.DSN(t, testdb.SQLite))
	cfg := config()
	cfg.Limits = bounds
	begun, decided := make(chan struct{}), make(chan struct{})
	d := steps.Define[json.RawMessage](steps.Type("sized"))
	steps.Do(d, "checks", func(ctx context.Context, run *steps.Run[json.RawMessage]) error {
		assert.NoError(t, run.Checkpoint(ctx, sized(bounds.Output)))
		assert.ErrorContains(t, run.Checkpoint(ctx, sized(bounds.Output+1)), "the checkpoint has 301 bytes, more than the bound of 300")
		assert.NoError(t, run.SetResult(sized(bounds.Output)))
		assert.ErrorContains(t, run.SetResult(sized(bounds.Output+1)), "the job's result has 301 bytes, more than the bound of 300")
		close(begun)
		<-decided
		return nil
	})
	eng := newEngine(t, db, cfg, d)

	_, err := eng.Enqueue(t.Context(), engine.RawInput{Type: "sized", Input: sized(bounds.Input + 1)})
	require.ErrorIs(t, err, engine.ErrInvalid)
	require.ErrorContains(t, err, "input has 501 bytes, more than the bound of 500")
	none, err := eng.List(t.Context(), engine.Filter{})
	require.NoError(t, err)
	require.Empty(t, none)
	job := enqueue(t, eng, engine.RawInput{Type: "sized", Input: sized(bounds.Input)})

	start(t, eng)
	receive(t, begun)
	stranger := newEngine(t, db, cfg) // does not know which signals the job waits for
	_, err = stranger.Signal(t.Context(), job.ID, "fits", sized(bounds.Output), "")
	require.NoError(t, err)
	_, err = stranger.Signal(t.Context(), job.ID, "large", sized(bounds.Output+1), "")
	require.ErrorContains(t, err, "payload has 301 bytes, more than the bound of 300")
	for range 20 { // of which no more than the bound of the document fit
		if _, err = stranger.Signal(t.Context(), job.ID, "more"+strings.Repeat("x", 1+len(none)), sized(bounds.Output), ""); err != nil {
			break
		}
		none = append(none, nil)
	}
	require.ErrorContains(t, err, "more than the bound of 2000")

	require.ErrorIs(t, eng.Succeed(t.Context(), job.ID, sized(bounds.Output+1)), engine.ErrInvalid)
	require.ErrorIs(t, eng.Fail(t.Context(), job.ID, "", sized(bounds.Output+1)), engine.ErrInvalid)
	require.NoError(t, eng.Fail(t.Context(), job.ID, strings.Repeat("e", 5000), sized(bounds.Output)))
	close(decided)
	s := ended(t, eng, job.ID)
	assert.Equal(t, model.Failed, s.Status)
	assert.Len(t, []rune(s.Error), 4000, "texts for people are cut")
	assert.Len(t, s.Result, bounds.Output)
}

func TestAResultCountsForTheBoundOfTheDocument(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, testdb.DSN(t, testdb.SQLite))
	cfg := config()
	cfg.Limits = engine.Limits{Input: 1000, Output: 1000, Data: 2000}
	d := steps.Define[json.RawMessage](steps.Type("sized"))
	steps.Do(d, "only", func(_ context.Context, run *steps.Run[json.RawMessage]) error { return run.SetResult(sized(1000)) })
	eng := newEngine(t, db, cfg, d)
	start(t, eng)
	large := enqueue(t, eng, engine.RawInput{Type: "sized", Input: sized(1000)})
	assert.Contains(t, ended(t, eng, large.ID).Error, "more than the bound of 2000")
	small := enqueue(t, eng, engine.RawInput{Type: "sized", Input: sized(100)})
	assert.Equal(t, model.Succeeded, ended(t, eng, small.ID).Status)
}
