package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// hostile are texts that mean something to SQL, to a driver, to Bun, or to the templates of
// the statements.
var hostile = []string{
	`'; DROP TABLE job_system_jobs; -- `, `' OR '1'='1`, `"; DELETE FROM job_type_lock; #`, "`job_type_lock`", `/* `, ` */ --`,
	`\`, `\'`, `\\'`, `'\`, `''`, `中\`, `中\' OR 1=1 -- `, `ソ'`, `E'\x27'`, `0x27`, `\u0027`, `\0`, `\n`,
	`?`, `??`, `?0`, `?1`, `?name`, `?TableName`, `$1`, `$$`, `:name`, `@v`, `%s`, `%!d(int=1)`, `%27`,
	`{now}`, `{later}`, `{keys}`, `{micros}`, `{skip_locked}`, `{json x}`, `{rows}`, `{`, `}`, `@`, `/* jobsystem:claim */`,
	`v.owner`, `v.attempt`, `v.job_id`, `v.message`, `v.error`, `v.document`, `v.path0`, `v.value0`, `v.value10`, `j.data`, `l.type`,
	`NULL`, `null`, `"quoted"`, `[1]`, `{"a": 1}`, `<script>`, "\u2028", "e\u0301", "\U0001F4A3", "\u202e", `ß`, `1e999`,
}

// sentence is all of them in one text.
var sentence = strings.Join(hostile, " ")

func jsonText(t *testing.T, text string) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"text": text, text: "key"})
	require.NoError(t, err)
	return raw
}

// hostileJobs inserts a job for each hostile text, with the text in each column and in its
// type, and claims them all.
func hostileJobs(t *testing.T, s *store.Store, owner store.Owner) []*model.Job {
	t.Helper()
	jobs := make([]*model.Job, len(hostile))
	types := make([]string, len(hostile))
	for i, text := range hostile {
		data, err := model.Data{Input: jsonText(t, text), Steps: []model.StepRecord{{Name: text}, {Name: sentence}}}.JSON()
		require.NoError(t, err)
		key := fmt.Sprintf("%s|%d", text, i)
		types[i] = key
		jobs[i] = &model.Job{
			ID: uuid.Must(uuid.NewV7()), Type: key, Name: text, Role: text, Email: text, UploadedFileURL: text, IdempotencyKey: &key, Data: data,
		}
	}
	require.NoError(t, s.EnsureLocks(t.Context(), types))
	require.NoError(t, s.InTx(t.Context(), s.DB(), func(ctx context.Context, tx bun.Tx) error { return s.InsertMany(ctx, tx, jobs, true) }))
	claimed, err := s.Claim(t.Context(), types, owner)
	require.NoError(t, err)
	require.Len(t, claimed, len(hostile))
	byType := make(map[string]*model.Job, len(claimed))
	for _, j := range claimed {
		byType[j.Type] = j
	}
	for i, key := range types {
		j := byType[key]
		require.NotNil(t, j, key)
		text := hostile[i]
		assert.Equal(t, text, j.Name)
		assert.Equal(t, text, j.Role)
		assert.Equal(t, text, j.Email)
		assert.Equal(t, text, j.UploadedFileURL)
		assert.Equal(t, key, *j.IdempotencyKey)
		jobs[i] = j
	}
	return jobs
}

// write returns a write for the run of the i-th job, with its text everywhere. In each
// batch there is one write that is different from all others.
func write(t *testing.T, i int, j *model.Job) store.Write {
	t.Helper()
	text := hostile[i]
	record := jsonText(t, text+sentence)
	return store.Write{
		JobID: j.ID, Type: j.Type, Attempt: j.Attempt, SetCheckpoints: true, Checkpoints: jsonText(t, sentence+text), Progress: 0.5, Message: text + sentence, Error: sentence + text,
		Patches: []store.Patch{{Path: store.Path{Key: "steps", Index: 1}, Value: record}, {Path: store.Path{Key: "result", Index: -1}, Value: record}},
	}
}

func assertWritten(t *testing.T, s *store.Store, i int, id uuid.UUID, status model.Status) {
	t.Helper()
	text := hostile[i]
	row := statusOf(t, s, id)
	assert.Equal(t, status, row.Status, text)
	assert.Equal(t, text+sentence, row.Message)
	assert.Equal(t, sentence+text, row.Error)
	assert.Equal(t, text, row.Name)
	assert.JSONEq(t, string(jsonText(t, sentence+text)), string(row.Checkpoints), text)
	var data struct {
		Input  json.RawMessage
		Steps  []json.RawMessage
		Result json.RawMessage
	}
	require.NoError(t, json.Unmarshal(row.Data, &data))
	assert.JSONEq(t, string(jsonText(t, text)), string(data.Input), text)
	assert.JSONEq(t, string(jsonText(t, text+sentence)), string(data.Steps[1]), text)
	assert.JSONEq(t, string(jsonText(t, text+sentence)), string(data.Result), text)
}

func TestNoValueOfABatchIsRunAsSQL(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		s, err := store.New(t.Context(), db, model.Tables{})
		require.NoError(t, err)
		owner := store.Owner{ID: sentence[:200], Lease: time.Hour}
		jobs := hostileJobs(t, s, owner)

		alone, err := s.Flush(t.Context(), []store.Write{write(t, 0, jobs[0])}, owner, true)
		require.NoError(t, err)
		require.Len(t, alone.Acks, 1)
		assertWritten(t, s, 0, jobs[0].ID, model.Processing)

		all := make([]store.Write, len(jobs))
		for i, j := range jobs {
			all[i] = write(t, i, j)
		}
		done, err := s.Flush(t.Context(), all, owner, true)
		require.NoError(t, err)
		require.Len(t, done.Acks, len(jobs))
		for i, j := range jobs {
			assertWritten(t, s, i, j.ID, model.Processing)
			assert.Equal(t, owner.ID, statusOf(t, s, j.ID).Owner)
		}
		types := make([]string, len(jobs))
		for i, j := range jobs {
			types[i] = j.Type
		}
		renewed, _, err := s.Renew(t.Context(), types, owner)
		require.NoError(t, err)
		assert.Len(t, renewed, len(jobs))

		for i := range all {
			all[i].End, all[i].Patches[0].Path.Index = model.Failed, 1
		}
		done, err = s.Flush(t.Context(), all, owner, true)
		require.NoError(t, err)
		require.Len(t, done.Acks, len(jobs))
		for i, j := range jobs {
			assertWritten(t, s, i, j.ID, model.Failed)
		}
		var rows int
		require.NoError(t, db.NewRaw("SELECT COUNT(*) FROM job_system_jobs").Scan(t.Context(), &rows))
		assert.Len(t, jobs, rows)
		locks, _, err := s.Renew(t.Context(), types, owner)
		require.NoError(t, err)
		assert.Empty(t, locks, "all types are free again")
	})
}
