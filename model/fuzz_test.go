package model_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"

	"github.com/ntxdev/jobsystem/model"
)

// The inputs under testdata/fuzz are also written to every kind of database and read
// back: see the corpus test of package engine.

// A value that passes is JSON in UTF-8 within the depth, and still passes after it was
// written without its spaces, as a document is. The error for any other says why.
func FuzzCheckJSON(f *testing.F) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, seed := range []string{
		`{"a":"\ud83d\ude00"}`, `[1e5,"\u0000"]`, `"\\\ud800"`, `-`, `1E+`, `-0`, `1e-400`, `0.1`, `1e999`, `18446744073709551615`, `"\u2028\u00e9"`, "\"\x7f\"",
		deep(model.MaxJSONDepth), deep(model.MaxJSONDepth + 1), `{"":{"":[]}}`, `{"a":1,"a":2}`, ` 7 `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		err := model.CheckJSON(raw)
		if err != nil {
			require.Regexp(t, "^(is|nests|holds) ", err.Error())
			return
		}
		require.True(t, utf8.Valid(raw))
		var value any
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		require.NoError(t, decoder.Decode(&value))
		require.LessOrEqual(t, depth(value), model.MaxJSONDepth)
		written, err := json.Marshal(json.RawMessage(raw))
		require.NoError(t, err)
		require.NoError(t, model.CheckJSON(written), "%s", written)
	})
}

// depth returns how deeply a decoded value nests.
func depth(value any) int {
	deepest := 0
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			deepest = max(deepest, depth(one))
		}
	case map[string]any:
		for _, one := range value {
			deepest = max(deepest, depth(one))
		}
	default:
		return 0
	}
	return deepest + 1
}

// A data column that is read and written is the same when it is read again, and no
// part of an input is lost, whichever program wrote it.
func FuzzData(f *testing.F) {
	for _, seed := range []string{
		`{"input":{"a":1},"steps":[{"name":"a","status":"completed","output":[1],"weight":2.5,"started_at":"2026-01-02T03:04:05.678901Z"}],"result":"r"}`,
		`{"input":null,"steps":[{"name":"b","status":"waiting","awaits":"b","wait_until":"9999-12-31T00:00:00Z","children":["0198c0de-7a1b-7c3d-8e4f-5a6b7c8d9e0f"]}]}`,
		`{"input":1,"plan":{"fingerprint":"f","crashes":1},"undoing":{"status":"failed"},"history":[{"name":"c"}],"history_dropped":3}`,
		`{"input":1,"Steps":[]}`, `{"input":1,"input":2}`, ` [1] `, `"text"`, ``, `{"steps":[]}`, `{"input":1,"steps":{}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		data, err := model.ParseData(raw)
		if err != nil {
			require.Contains(t, err.Error(), "data", "what is wrong")
			return
		}
		written, err := data.JSON()
		require.NoError(t, err)
		again, err := model.ParseData(written)
		require.NoError(t, err, "%s", written)
		rewritten, err := again.JSON()
		require.NoError(t, err)
		require.Equal(t, string(written), string(rewritten))
		require.Len(t, again.Steps, len(data.Steps))
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); len(bytes.Trim(raw, " \t\r\n")) > 0 && (err != nil || object["input"] == nil) {
			require.Equal(t, compact(raw), compact(data.Input), "a document without the envelope is the input")
		}
		before := again.Size()
		again.DropHistory(0)
		require.LessOrEqual(t, again.Size(), before)
	})
}

func compact(raw []byte) string {
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // leaves b empty if raw is not JSON
	return b.String()
}

// Checkpoints that are read and written are the same when they are read again.
func FuzzCheckpoints(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{"step":"a","value":7}`, `[{"step":"a","value":[1,"x"]},{"step":"b","value":null}]`, `[]`, `{}`, `[{"step":"a"},{"step":"a","value":1}]`, `7`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		checkpoints, err := model.ParseCheckpoints(raw)
		if err != nil {
			require.Contains(t, err.Error(), "checkpoint")
			return
		}
		written, err := checkpoints.JSON()
		require.NoError(t, err)
		again, err := model.ParseCheckpoints(written)
		require.NoError(t, err)
		require.Len(t, again, len(checkpoints))
		for step, value := range checkpoints {
			kept, ok := again[step]
			require.True(t, ok, "%q", step)
			if value != nil {
				require.JSONEq(t, string(value), string(kept))
			}
		}
	})
}

// Signals that are read and written are the same when they are read again.
func FuzzSignals(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `[]`, `[{"name":"go","payload":{"a":[1]},"sent_by":"ann","sent_at":"2026-01-02T03:04:05.000006Z"}]`, `[{"name":"a"},{"name":"a"}]`, `{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		signals, err := model.ParseSignals(raw)
		if err != nil {
			require.Contains(t, err.Error(), "signals")
			return
		}
		written, err := json.Marshal(signals)
		require.NoError(t, err)
		again, err := model.ParseSignals(written)
		require.NoError(t, err, "%s", written)
		require.Len(t, again, len(signals))
		for i, signal := range signals {
			require.Equal(t, signal.Name, again[i].Name)
			require.Equal(t, signal.SentBy, again[i].SentBy)
			require.True(t, signal.SentAt.Equal(again[i].SentAt.Time))
			require.NotNil(t, signals.Find(signal.Name))
			require.Less(t, len(signals.Without(signal.Name, signal.SentAt)), len(signals))
		}
	})
}

// A time that is read from JSON or from a database is one that every database and
// JSON can store, and is the same when it is read again.
func FuzzTime(f *testing.F) {
	for _, seed := range []string{
		"2026-01-02T03:04:05.678901Z", "2026-01-02 03:04:05.678901", "2026-01-02 03:04:05.678901+00:00", "2026-01-02T03:04:05.123456789+05:30",
		"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", "0000-01-01T00:00:00Z", "null", "1969-12-31T23:59:59.9999999Z",
	} {
		f.Add(seed)
	}
	dialects := []schema.Dialect{sqlitedialect.New(), pgdialect.New(), mysqldialect.New()}
	f.Fuzz(func(t *testing.T, text string) {
		var read model.Time
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		err = json.Unmarshal(quoted, &read)
		if err != nil {
			err = read.Scan(text)
		}
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		if !read.IsZero() {
			require.True(t, read.Year() >= 1 && read.Year() <= 9999, "%v cannot be stored", read.Time)
			require.Equal(t, time.UTC, read.Location())
			require.Zero(t, read.Nanosecond()%1000)
		}
		raw, err := json.Marshal(read)
		require.NoError(t, err)
		var again model.Time
		require.NoError(t, json.Unmarshal(raw, &again), "%s", raw)
		require.Equal(t, read, again)
		for _, dialect := range dialects {
			literal, err := read.AppendQuery(schema.NewQueryGen(dialect), nil)
			require.NoError(t, err)
			var kept model.Time
			switch said := strings.Trim(string(literal), "'"); {
			case said == "NULL":
				require.NoError(t, kept.Scan(nil))
			case literal[0] == '\'':
				require.NoError(t, kept.Scan(said), said)
			default:
				var micros int64
				require.NoError(t, json.Unmarshal(literal, &micros))
				require.NoError(t, kept.Scan(micros))
			}
			require.Equal(t, read, kept, "%s", literal)
		}
	})
}
