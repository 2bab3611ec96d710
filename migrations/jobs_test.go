package migrations_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// eachMigratedDB runs test on a migrated database of each kind.
func eachMigratedDB(t *testing.T, test func(t *testing.T, db *bun.DB)) {
	testdb.EachEmptyDB(t, func(t *testing.T, db *bun.DB) {
		require.NoError(t, migrations.Migrate(t.Context(), db))
		test(t, db)
	})
}

func TestAProducerNeedsToInsertOnlyTypeAndData(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		begin := time.Now()
		require.NoError(t, insert(db, t.Context(), "type, data", `'report', '{"month": "2026-11"}'`))

		var job model.Job
		require.NoError(t, db.NewSelect().Model(&job).Scan(t.Context()))
		assert.NotEqual(t, uuid.Nil, job.ID)
		for name, at := range map[string]model.Time{
			"scheduled_at": job.ScheduledAt, "created_at": job.CreatedAt, "updated_at": job.UpdatedAt,
		} {
			assert.WithinDuration(t, begin, at.Time, time.Minute, name)
		}
		assert.JSONEq(t, `{"month": "2026-11"}`, string(job.Data))
		assert.Equal(t, model.Job{
			ID: job.ID, Type: "report", Data: job.Data, Status: model.Scheduled,
			ScheduledAt: job.ScheduledAt, CreatedAt: job.CreatedAt, UpdatedAt: job.UpdatedAt,
		}, job)
	})
}

func TestDefaultTimesHaveFractionsOfASecond(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		// Several jobs, because one time may have no fraction by chance: on SQLite the
		// default times have milliseconds.
		for range 20 {
			require.NoError(t, insert(db, t.Context(), "type, data", `'report', '{}'`))
		}
		var jobs []model.Job
		require.NoError(t, db.NewSelect().Model(&jobs).Scan(t.Context()))
		var scheduled, created, updated int
		for _, job := range jobs {
			scheduled += job.ScheduledAt.Nanosecond()
			created += job.CreatedAt.Nanosecond()
			updated += job.UpdatedAt.Nanosecond()
		}
		assert.NotZero(t, scheduled)
		assert.NotZero(t, created)
		assert.NotZero(t, updated)
	})
}

func TestDefaultIDsAreUnique(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		for range 50 {
			require.NoError(t, insert(db, t.Context(), "type, data", `'report', '{}'`))
		}
		ids := queryRows(t, db, `SELECT DISTINCT id FROM job_system_jobs`)
		assert.Len(t, ids, 50)
		for _, id := range ids {
			parsed, err := uuid.Parse(id)
			require.NoError(t, err)
			assert.Equal(t, id, parsed.String())
			assert.Equal(t, uuid.RFC4122, parsed.Variant(), id)
			assertIDOfNow(t, parsed)
		}
	})
}

// assertIDOfNow fails unless the id sorts by time with those that the engine makes.
func assertIDOfNow(t *testing.T, id uuid.UUID) {
	t.Helper()
	assert.EqualValues(t, 7, id.Version(), id)
	at := time.Unix(id.Time().UnixTime())
	assert.WithinDuration(t, time.Now(), at, time.Minute, id)
}

func TestDefaultTimesAreUTCInAnySessionTimeZone(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		conn, err := db.Conn(t.Context())
		require.NoError(t, err)
		defer conn.Close()
		switch db.Dialect().Name() {
		case dialect.PG:
			exec(t, conn, `SET TIME ZONE 'Asia/Kolkata'`)
			defer exec(t, conn, `RESET TIME ZONE`)
		case dialect.MySQL:
			exec(t, conn, `SET time_zone = '+05:30'`)
			defer exec(t, conn, `SET time_zone = '+00:00'`)
		}
		require.NoError(t, insert(conn, t.Context(), "type, data", `'report', '{}'`))

		var job model.Job
		require.NoError(t, conn.NewSelect().Model(&job).Scan(t.Context()))
		for _, at := range []model.Time{job.ScheduledAt, job.CreatedAt, job.UpdatedAt} {
			assert.WithinDuration(t, time.Now(), at.Time, time.Minute)
		}
		assertIDOfNow(t, job.ID)
		exec(t, conn, `INSERT INTO job_type_lock (type) VALUES ('report')`)
		var lock model.TypeLock
		require.NoError(t, conn.NewSelect().Model(&lock).Scan(t.Context()))
		assert.WithinDuration(t, time.Now(), lock.UpdatedAt.Time, time.Minute)
	})
}

func TestAJobIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		at := func(seconds int64) model.Time {
			return model.TimeOf(time.UnixMicro(1_790_000_000_123_456 + seconds*1e6))
		}
		long := strings.Repeat("ü", 4000)
		milliseconds, key := int64(1234), "key"
		job := model.Job{
			ID: uuid.Must(uuid.NewV7()), Type: "report", Name: "Report", Role: "admin", Email: "a@b.c",
			UploadedFileURL: "file:///tmp/in.csv", Data: json.RawMessage(`{"a": 1}`), Status: model.Failed, Progress: 0.25,
			Message: long[:1000], TimeToCompleteMS: &milliseconds, Checkpoints: json.RawMessage(`{"page": 7}`), Attempt: 1 << 40,
			Resumptions: 2, Error: long, ScheduledAt: at(0), StartedAt: at(1), FinishedAt: at(2), HeartbeatAt: at(3),
			ProgressedAt: at(4), CancelRequestedAt: at(5), CancelledBy: "me", CancelReason: "because",
			IdempotencyKey: &key, CreatedAt: at(6), UpdatedAt: at(7), DeletedAt: at(8),
		}
		_, err := db.NewInsert().Model(&job).Exec(t.Context())
		require.NoError(t, err)
		lock := model.TypeLock{
			Type: "report", LockedUntil: at(9), UpdatedAt: at(10), Owner: "owner", JobID: &job.ID, Attempt: 3,
		}
		_, err = db.NewInsert().Model(&lock).Exec(t.Context())
		require.NoError(t, err)

		var readJob model.Job
		require.NoError(t, db.NewSelect().Model(&readJob).Scan(t.Context()))
		assert.JSONEq(t, string(job.Data), string(readJob.Data))
		assert.JSONEq(t, string(job.Checkpoints), string(readJob.Checkpoints))
		readJob.Data, readJob.Checkpoints = job.Data, job.Checkpoints
		assert.Equal(t, job, readJob)
		var readLock model.TypeLock
		require.NoError(t, db.NewSelect().Model(&readLock).Scan(t.Context()))
		assert.Equal(t, lock, readLock)
	})
}

func TestALockInsertedWithOnlyItsTypeIsFree(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		exec(t, db, `INSERT INTO job_type_lock (type) VALUES ('report')`)

		var lock model.TypeLock
		require.NoError(t, db.NewSelect().Model(&lock).Scan(t.Context()))
		assert.Equal(t, time.Unix(0, 0).UTC(), lock.LockedUntil.Time)
		assert.Nil(t, lock.JobID)
		assert.WithinDuration(t, time.Now(), lock.UpdatedAt.Time, time.Minute)
	})
}

func TestTheTablesRejectInvalidRows(t *testing.T) {
	t.Parallel()
	for _, invalid := range []struct{ name, columns, values string }{
		{"an unknown status", "type, data, status", `'report', '{}', 'paused'`},
		{"progress above 1", "type, data, progress", `'report', '{}', 1.01`},
		{"progress below 0", "type, data, progress", `'report', '{}', -0.01`},
		{"a priority that no engine looks for", "type, data, priority", `'report', '{}', 3`},
		{"data that is not JSON", "type, data", `'report', '{'`},
		{"a checkpoint that is not JSON", "type, data, checkpoints", `'report', '{}', '{'`},
		{"no data", "type", `'report'`},
		{"no type", "data", `'{}'`},
	} {
		t.Run(invalid.name, func(t *testing.T) {
			t.Parallel()
			eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
				columns := invalid.columns
				if db.Dialect().Name() != dialect.MySQL {
					columns = strings.ReplaceAll(columns, "`", `"`)
				}
				require.Error(t, insert(db, t.Context(), columns, invalid.values))
				require.NoError(t, insert(db, t.Context(), "type, data", `'report', '{}'`))
			})
		})
	}
}

func TestTheTablesAcceptEveryStatus(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		for _, status := range []model.Status{
			model.Scheduled, model.Processing, model.Succeeded, model.Failed, model.Cancelled,
		} {
			require.NoError(t, insert(db, t.Context(), "type, data, status", fmt.Sprintf(`'report', '{}', '%s'`, status)))
		}
	})
}

func TestAtMostOneJobOfATypeIsProcessing(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		ctx := t.Context()
		processing := func(id int, kind string) error {
			return insert(db, ctx, "id, type, data, status",
				fmt.Sprintf(`'00000000-0000-7000-8000-%012d', '%s', '{}', 'processing'`, id, kind))
		}
		require.NoError(t, processing(1, "report"))
		require.Error(t, processing(2, "report"))
		require.NoError(t, processing(3, "Report"), "types that differ in case are different types")
		require.NoError(t, processing(4, "other"))

		require.NoError(t, insert(db, ctx, "type, data", `'report', '{}'`), "any number may be scheduled")
		require.NoError(t, insert(db, ctx, "type, data", `'report', '{}'`))
		_, err := db.ExecContext(ctx, `UPDATE job_system_jobs SET status = 'processing' WHERE type = 'report'`)
		require.Error(t, err, "an update cannot make a second one processing")
		_, err = db.ExecContext(ctx, `UPDATE job_system_jobs SET deleted_at = created_at WHERE type = 'report'`)
		require.NoError(t, err)
		require.Error(t, processing(5, "report"), "a deleted row that is processing still counts")

		exec(t, db, `UPDATE job_system_jobs SET status = 'succeeded' WHERE type = 'report'`)
		require.NoError(t, processing(6, "report"), "no job of the type is processing")
	})
}

func TestAnIdempotencyKeyIsUniqueWithinItsType(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		insertKey := func(kind, key string) error {
			return insert(db, t.Context(), "type, data, idempotency_key", fmt.Sprintf(`'%s', '{}', %s`, kind, key))
		}
		require.NoError(t, insertKey("report", "'a'"))
		require.Error(t, insertKey("report", "'a'"))
		require.NoError(t, insertKey("report", "'A'"))
		require.NoError(t, insertKey("report", "'á'"))
		require.NoError(t, insertKey("other", "'a'"))
		ended := func(status string) error {
			return insert(db, t.Context(), "type, data, idempotency_key, unique_until, status", fmt.Sprintf(`'until', '{}', 'a', 'cancelled failed', '%s'`, status))
		}
		require.NoError(t, ended("failed"))
		require.NoError(t, ended("cancelled"))
		require.NoError(t, ended("scheduled"))
		require.Error(t, ended("scheduled"))
		require.Error(t, ended("succeeded"), "it binds in all other statuses")
		_, err := db.ExecContext(t.Context(), `UPDATE job_system_jobs SET status = 'processing' WHERE type = 'until' AND status = 'failed'`)
		require.Error(t, err, "an update does not make a second one bind")
		require.NoError(t, insertKey("report", "NULL"))
		require.NoError(t, insertKey("report", "NULL"))
	})
}

func TestTypesAreCaseAndAccentSensitive(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		exec(t, db, `INSERT INTO job_type_lock (type) VALUES ('report'), ('Report'), ('réport')`)
		_, err := db.ExecContext(t.Context(), `INSERT INTO job_type_lock (type) VALUES ('report')`)
		require.Error(t, err)
		assert.Equal(t, "1", queryText(t, db, `SELECT COUNT(*) FROM job_type_lock WHERE type = 'REPORT' OR type = 'Report'`))
	})
}

func TestTheEnginesQueriesReadOnlyTheIndexRange(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		insertManyJobs(t, db)
		now := map[dialect.Name]string{
			dialect.SQLite: "unixepoch() * 1000000",
			dialect.PG:     "clock_timestamp()",
			dialect.MySQL:  "UTC_TIMESTAMP(6)",
		}[db.Dialect().Name()]
		for index, query := range map[string]string{
			"job_system_jobs_claim": `SELECT id FROM job_system_jobs WHERE type = 'type-3' AND status = 'scheduled'
				AND deleted_at IS NULL AND priority = 0 AND scheduled_at <= ` + now + ` ORDER BY scheduled_at, id LIMIT 1`,
			"job_system_jobs_latest": `SELECT id, name FROM job_system_jobs WHERE type = 'type-3'
				ORDER BY created_at DESC, id DESC LIMIT 1`,
		} {
			plan := explain(t, db, query)
			assert.Contains(t, plan, index, query)
			for _, sort := range []string{"Sort", "TEMP B-TREE", "filesort\": {", "filesort\": true", "Seq Scan", "SCAN job"} {
				assert.NotContains(t, plan, sort, query)
			}
		}
	})
}

func TestTheIndexesHaveTheirColumnsInOrder(t *testing.T) {
	t.Parallel()
	eachMigratedDB(t, func(t *testing.T, db *bun.DB) {
		want := map[string]string{
			"job_system_jobs_claim":       "type, priority, scheduled_at, id",
			"job_system_jobs_processing":  "type",
			"job_system_jobs_idempotency": "type, idempotency_key",
			"job_system_jobs_latest":      "type, created_at, id",
		}
		query := `SELECT name FROM pragma_index_info('%s') ORDER BY seqno`
		switch db.Dialect().Name() {
		case dialect.PG:
			query = `SELECT attname FROM pg_attribute WHERE attrelid = '%s'::regclass ORDER BY attnum`
		case dialect.MySQL:
			query = `SELECT column_name FROM information_schema.statistics
				WHERE table_schema = DATABASE() AND index_name = '%s' ORDER BY seq_in_index`
			want["job_system_jobs_claim"] = "type, status, deleted_at, priority, scheduled_at, id"
			want["job_system_jobs_processing"] = "processing_type"
			want["job_system_jobs_idempotency"] = "type, bound_key"
		}
		for index, columns := range want {
			assert.Equal(t, columns, strings.Join(queryRows(t, db, fmt.Sprintf(query, index)), ", "), index)
		}
	})
}

func explain(t *testing.T, db *bun.DB, query string) string {
	t.Helper()
	prefix := map[dialect.Name]string{
		dialect.SQLite: "EXPLAIN QUERY PLAN ", dialect.PG: "EXPLAIN ", dialect.MySQL: "EXPLAIN FORMAT=JSON ",
	}[db.Dialect().Name()]
	return queryText(t, db, prefix+query)
}

// insertManyJobs inserts some thousand jobs of ten types, most of them due or
// succeeded.
func insertManyJobs(t *testing.T, db *bun.DB) {
	t.Helper()
	begin := time.Now().Add(-24 * time.Hour)
	var jobs []model.Job
	for i := range 4000 {
		at := model.TimeOf(begin.Add(time.Duration(i*7919%4000) * time.Minute))
		job := model.Job{
			ID: uuid.Must(uuid.NewV7()), Type: fmt.Sprintf("type-%d", i%10), Data: json.RawMessage(`{"input": {}}`),
			Status: model.Scheduled, ScheduledAt: at, CreatedAt: at, UpdatedAt: at,
		}
		if i%3 == 0 {
			job.Status = model.Succeeded
		}
		if i < 10 {
			job.Status = model.Processing
		}
		jobs = append(jobs, job)
	}
	for len(jobs) > 0 {
		batch := jobs[:500]
		jobs = jobs[500:]
		_, err := db.NewInsert().Model(&batch).Exec(t.Context())
		require.NoError(t, err)
	}
	analyze := map[dialect.Name]string{
		dialect.SQLite: "ANALYZE", dialect.PG: "ANALYZE job_system_jobs", dialect.MySQL: "ANALYZE TABLE job_system_jobs",
	}[db.Dialect().Name()]
	queryRows(t, db, analyze)
}

func TestPostgreSQLCompressesDataWithLZ4IfTheServerSupportsIt(t *testing.T) {
	t.Parallel()
	db := testdb.Open(t, testdb.DSN(t, testdb.Postgres))
	want := ""
	if queryText(t, db, `SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'`) == "true" {
		want = "l"
	}
	assert.Equal(t, want, queryText(t, db, `SELECT attcompression FROM pg_attribute
		WHERE attrelid = 'job_system_jobs'::regclass AND attname = 'data'`))
}
