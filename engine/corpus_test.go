package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// corpus returns the inputs in the corpus of another package's fuzz target.
func corpus(t *testing.T, pkg, target string) (inputs []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", pkg, "testdata", "fuzz", target, "*"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		require.Len(t, lines, 2, file)
		quoted := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(lines[1], "[]byte("), "string("), ")")
		input, err := strconv.Unquote(quoted)
		require.NoError(t, err, file)
		inputs = append(inputs, input)
	}
	return inputs
}

// accepted returns the inputs that a check accepts, which are at least that many.
func accepted(t *testing.T, inputs []string, least int, check func(string) error) (valid []string) {
	t.Helper()
	for _, input := range inputs {
		if check(input) == nil {
			valid = append(valid, input)
		}
	}
	require.GreaterOrEqual(t, len(valid), least)
	return valid
}

// JSON that is accepted is read back as the same value from each place of a job that stores
// JSON, on every database.
func TestJSONFoundByFuzzingIsReadBackUnchanged(t *testing.T) {
	t.Parallel()
	values := accepted(t, corpus(t, "model", "FuzzCheckJSON"), 15, func(input string) error { return model.CheckJSON([]byte(input)) })
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		d := steps.Define[json.RawMessage](steps.Type("corpus"))
		signal := steps.AwaitSignal[json.RawMessage, json.RawMessage](d, "signal")
		steps.Add(d, "output", func(ctx context.Context, run *steps.Run[json.RawMessage]) (json.RawMessage, error) {
			if err := run.SetResult(signal.Output(run)); err != nil {
				return nil, err
			}
			return run.Input(), run.Checkpoint(ctx, run.Input())
		})
		steps.Do(d, "checkpoint", func(ctx context.Context, run *steps.Run[json.RawMessage]) error {
			return run.Checkpoint(ctx, run.Input())
		})
		eng := newEngine(t, db, config(), d)
		ids := make([]uuid.UUID, len(values))
		for i, value := range values {
			ids[i] = enqueue(t, eng, engine.RawInput{Type: "corpus", Input: json.RawMessage(value)}).ID
			_, err := eng.Signal(t.Context(), ids[i], "signal", json.RawMessage(value), "")
			require.NoError(t, err, value)
		}
		start(t, eng)
		for i, id := range ids {
			s := ended(t, eng, id)
			require.Equal(t, model.Succeeded, s.Status, "%s: %s", values[i], s.Error)
			row, err := eng.Job(t.Context(), id)
			require.NoError(t, err)
			data, err := model.ParseData(row.Data)
			require.NoError(t, err)
			for what, kept := range map[string]json.RawMessage{"input": data.Input, "signal": s.Steps[0].Output, "output": s.Steps[1].Output, "result": s.Result} {
				assert.True(t, sameJSON([]byte(values[i]), kept), "%s %q came back as %q", what, values[i], kept)
			}
		}
	})
}

// sameJSON reports whether two texts are the same value: numbers are the same if they are
// the same integer or the same float64.
func sameJSON(a, b []byte) bool {
	decode := func(raw []byte) (value any) {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if err := d.Decode(&value); err != nil {
			return err
		}
		return value
	}
	return sameValue(decode(a), decode(b))
}

func sameValue(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key := range a {
			if value, ok := b[key]; !ok || !sameValue(a[key], value) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameValue(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		if !ok {
			return false
		}
		if _, err := strconv.ParseInt(string(a), 10, 64); err == nil && !strings.ContainsAny(string(b), ".eE") {
			return a == b || strings.Trim(string(a)+string(b), "-0") == ""
		}
		x, errA := a.Float64()
		y, errB := b.Float64()
		return errA == nil && errB == nil && x == y
	default:
		return a == b
	}
}

// A name that is accepted is the name of one type and of one step on every database, and of
// no other.
func TestNamesFoundByFuzzingAreReadBackUnchangedAndStayDistinct(t *testing.T) {
	t.Parallel()
	names := accepted(t, corpus(t, "model", "FuzzCheckName"), 15, model.CheckName)
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		ids := make(map[string]uuid.UUID)
		d := steps.Define[input]()
		for _, name := range names {
			job := enqueue(t, eng, raw(name), engine.Name(name), engine.IdempotencyKey("key "+name))
			ids[name] = job.ID
			assert.Equal(t, name, job.Type)
			assert.Equal(t, name, job.Name)
			assert.Equal(t, "key "+name, *job.IdempotencyKey)
			steps.Do(d, name, nothing)
		}
		require.Len(t, ids, len(names))
		for name, id := range ids {
			job, err := eng.LatestJob(t.Context(), name)
			require.NoError(t, err, "%q", name)
			assert.Equal(t, id, job.ID, "%q", name)
		}
		eng = newEngine(t, db, config(), d)
		start(t, eng)
		s := ended(t, eng, enqueue(t, eng, input{}).ID)
		require.Equal(t, model.Succeeded, s.Status, s.Error)
		for i, step := range s.Steps {
			assert.Equal(t, names[i], step.Name)
		}
		types := make([]steps.Handler, len(names))
		for i, name := range names {
			of := steps.Define[input](steps.Type(name))
			steps.Do(of, "only", nothing)
			types[i] = of
		}
		start(t, newEngine(t, db, config(), types...))
		for name, id := range ids {
			assert.Equal(t, model.Succeeded, ended(t, eng, id).Status, "%q", name)
		}
		locks, err := db.NewSelect().Model((*model.TypeLock)(nil)).Count(t.Context())
		require.NoError(t, err)
		assert.EqualValues(t, len(names)+1, locks, "each has its own")
	})
}

// A time that is accepted is the same when it is read back from a database.
func TestTimesFoundByFuzzingAreReadBackUnchanged(t *testing.T) {
	t.Parallel()
	read := func(text string) (at model.Time, err error) {
		if err = json.Unmarshal(fmt.Appendf(nil, "%q", text), &at); err != nil {
			err = at.Scan(text)
		}
		return at, err
	}
	times := accepted(t, corpus(t, "model", "FuzzTime"), 8, func(text string) error {
		at, err := read(text)
		if err == nil && at.After(model.MaxTime().Time) {
			err = errBoom // no job can be due then
		}
		return err
	})
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config())
		for _, text := range times {
			at, err := read(text)
			require.NoError(t, err)
			job, err := eng.Enqueue(t.Context(), input{}, engine.At(at.Time))
			require.NoError(t, err, text)
			row, err := eng.Job(t.Context(), job.ID)
			require.NoError(t, err)
			if !at.IsZero() {
				assert.Equal(t, at, row.ScheduledAt, text)
				assert.Equal(t, at, job.ScheduledAt, text)
			}
		}
	})
}
