package engine_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// A page can say which month a report is for, without what its readers may not see.
func TestTheStatusHasTheInputAndTheKey(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		cfg := config()
		cfg.Redact = func(v model.Value) json.RawMessage {
			if v.Part == model.PartInput {
				return json.RawMessage(`{"n":3}`)
			}
			return v.JSON
		}
		eng := newEngine(t, db, cfg, three())
		job := enqueue(t, eng, input{N: 3, Text: "s3cr3t"}, engine.IdempotencyKey("k"))
		for _, c := range []struct {
			client *engine.Client
			want   string
		}{{&eng.Client, `{"n":3,"text":"s3cr3t"}`}, {eng.Redacted(), `{"n":3}`}} {
			s, err := c.client.Status(t.Context(), job.ID)
			require.NoError(t, err)
			assert.JSONEq(t, c.want, string(s.Input))
			assert.Equal(t, "k", *s.IdempotencyKey)
			list, err := c.client.List(t.Context(), engine.Filter{})
			require.NoError(t, err)
			assert.JSONEq(t, c.want, string(list[0].Input))
		}
	})
}

func TestTheStatusSaysThatNoEngineHasHadAJobsType(t *testing.T) {
	t.Parallel()
	testdb.EachDB(t, func(t *testing.T, db *bun.DB) {
		eng := newEngine(t, db, config(), three())
		long := engine.At(time.Now().Add(-time.Hour))
		status := func(opts ...engine.EnqueueOption) *model.JobView {
			s, err := eng.Status(t.Context(), enqueue(t, eng, raw("no-engine:has"), opts...).ID)
			require.NoError(t, err)
			return s
		}
		assert.Equal(t, `an engine that has the type "no-engine:has": none has run on this database yet`, status(long).WaitsFor)
		assert.Empty(t, status(engine.At(time.Now().Add(time.Hour))).WaitsFor, "it waits for its time")
		assert.Empty(t, status().WaitsFor, "an engine may be starting")

		stop := start(t, newEngine(t, db, config(), one("no-engine:has", nothing)))
		job := enqueue(t, eng, raw("no-engine:has"))
		ended(t, eng, job.ID)
		stop()
		assert.Empty(t, status(long).WaitsFor, "an engine has had it, and may have it again")
	})
}
