package migrations

// Pages are left with room: a job's row grows from step to step, and where the
// new version fits into the page of the old one no index has to know of it.

func jobsUpPostgres() []step {
	return []step{
		{sql: `CREATE TABLE IF NOT EXISTS job_system_jobs (
    id                  uuid             NOT NULL DEFAULT gen_random_uuid(),
    type                text             NOT NULL,
    name                text             NOT NULL DEFAULT '',
    role                text             NOT NULL DEFAULT '',
    email               text             NOT NULL DEFAULT '',
    uploaded_file_url   text             NOT NULL DEFAULT '',
    data                jsonb            NOT NULL,
    status              text             NOT NULL DEFAULT 'scheduled',
    progress            double precision NOT NULL DEFAULT 0,
    message             text             NOT NULL DEFAULT '',
    time_to_complete_ms bigint,
    time_to_complete_source text             NOT NULL DEFAULT '',
    checkpoints         jsonb,
    attempt             bigint           NOT NULL DEFAULT 0,
    writes              bigint           NOT NULL DEFAULT 0,
    resumptions         bigint           NOT NULL DEFAULT 0,
    error               text             NOT NULL DEFAULT '',
    scheduled_at        timestamptz      NOT NULL DEFAULT clock_timestamp(),
    started_at          timestamptz,
    finished_at         timestamptz,
    heartbeat_at        timestamptz,
    progressed_at       timestamptz,
    cancel_requested_at timestamptz,
    cancelled_by        text             NOT NULL DEFAULT '',
    cancel_reason       text             NOT NULL DEFAULT '',
    signals             jsonb,
    parent_id           uuid,
    idempotency_key     text,
    created_at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    updated_at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    deleted_at          timestamptz,
    CONSTRAINT job_system_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT job_system_jobs_status_check
        CHECK (status IN ('scheduled', 'processing', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT job_system_jobs_progress_check CHECK (progress >= 0 AND progress <= 1)
) WITH (fillfactor = 40)`},
		// A document of steps is rewritten at each of them, which costs a third
		// with lz4. EXECUTE, because a server before 14 cannot parse the ALTER.
		{sql: `DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_settings
               WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        EXECUTE 'ALTER TABLE job_system_jobs ALTER COLUMN data SET COMPRESSION lz4';
    END IF;
END
$$`},
		// The claim: each type's next job is the head of its part of the index.
		{sql: `CREATE INDEX IF NOT EXISTS job_system_jobs_claim
    ON job_system_jobs (type, scheduled_at, id)
    WHERE status = 'scheduled' AND deleted_at IS NULL`},
		// One running job of a type, whatever the code above does.
		{sql: `CREATE UNIQUE INDEX IF NOT EXISTS job_system_jobs_processing
    ON job_system_jobs (type)
    WHERE status = 'processing'`},
		{sql: `CREATE UNIQUE INDEX IF NOT EXISTS job_system_jobs_idempotency
    ON job_system_jobs (type, idempotency_key)`},
		// The latest job of a type. Over all types, the ids are in order of time.
		{sql: `CREATE INDEX IF NOT EXISTS job_system_jobs_latest
    ON job_system_jobs (type, created_at, id)`},
		// The children of a job that waits for them.
		{sql: `CREATE INDEX IF NOT EXISTS job_system_jobs_parent
    ON job_system_jobs (parent_id)
    WHERE parent_id IS NOT NULL`},
		{sql: `CREATE TABLE IF NOT EXISTS job_type_lock (
    type         text        NOT NULL,
    locked_until timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00',
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner        text        NOT NULL DEFAULT '',
    job_id       uuid,
    attempt      bigint      NOT NULL DEFAULT 0,
    CONSTRAINT job_type_lock_pkey PRIMARY KEY (type)
) WITH (fillfactor = 50)`},
	}
}
