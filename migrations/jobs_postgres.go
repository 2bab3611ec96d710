package migrations

import "slices"

// The low fillfactors leave free space in each page: a job's row grows with each
// step, and PostgreSQL does not have to update the indexes if the new version of
// a row fits into the page of the old one.

// idPostgres is the id of a row that is inserted without one: a UUIDv7, so that it
// sorts by time with the ids that the engine makes. It is a random one, UUIDv4, whose
// first 48 bits are replaced by the milliseconds since the Unix epoch, and whose
// version, the bits from 52 on, by 7.
const idPostgres = `encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
                            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                            FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid`

const createJobsPostgres = `CREATE TABLE IF NOT EXISTS job_system_jobs (
    id                  uuid             NOT NULL DEFAULT ` + idPostgres + `,
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
    time_to_complete_p90_ms bigint,
    time_to_complete_source text             NOT NULL DEFAULT '',
    checkpoints         jsonb,
    attempt             bigint           NOT NULL DEFAULT 0,
    writes              bigint           NOT NULL DEFAULT 0,
    resumptions         bigint           NOT NULL DEFAULT 0,
    error               text             NOT NULL DEFAULT '',
    priority            smallint         NOT NULL DEFAULT 0,
    scheduled_at        timestamptz      NOT NULL DEFAULT clock_timestamp(),
    started_at          timestamptz,
    finished_at         timestamptz,
    heartbeat_at        timestamptz,
    progressed_at       timestamptz,
    cancel_requested_at timestamptz,
    cancelled_by        text             NOT NULL DEFAULT '',
    cancel_reason       text             NOT NULL DEFAULT '',
    decision            jsonb,
    signals             jsonb,
    parent_id           uuid,
    idempotency_key     text,
    unique_until        text             NOT NULL DEFAULT '',
    left_until          timestamptz,
    created_at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    updated_at          timestamptz      NOT NULL DEFAULT clock_timestamp(),
    deleted_at          timestamptz,
    CONSTRAINT job_system_jobs_pkey PRIMARY KEY (id),
    CONSTRAINT job_system_jobs_status_check
        CHECK (status IN ('scheduled', 'processing', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT job_system_jobs_progress_check CHECK (progress >= 0 AND progress <= 1),
    CONSTRAINT job_system_jobs_priority_check CHECK (priority IN (-2, -1, 0, 1, 2, 100))
) WITH (fillfactor = 40)`

// keyBindsPostgres and keyBindsSQLite are the condition under which a row's idempotency
// key binds: the status is not one of those in unique_until. No status is a part of another.
const keyBindsPostgres = "idempotency_key IS NOT NULL AND strpos(unique_until, status) = 0"

// compressDataPostgres sets lz4 compression where the server supports it: data is
// written again after each step, and with lz4 that takes a third of the time. It
// uses EXECUTE because a server before version 14 cannot parse the ALTER.
const compressDataPostgres = `DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_settings
               WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        EXECUTE 'ALTER TABLE job_system_jobs ALTER COLUMN data SET COMPRESSION lz4';
    END IF;
END
$$`

const createTypeLockPostgres = `CREATE TABLE IF NOT EXISTS job_type_lock (
    type         text        NOT NULL,
    locked_until timestamptz NOT NULL DEFAULT '1970-01-01 00:00:00+00',
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner        text        NOT NULL DEFAULT '',
    job_id       uuid,
    attempt      bigint      NOT NULL DEFAULT 0,
    CONSTRAINT job_type_lock_pkey PRIMARY KEY (type)
) WITH (fillfactor = 50)`

func jobsUpPostgres() []step {
	return slices.Concat(
		[]step{{sql: createJobsPostgres}, {sql: compressDataPostgres}},
		createIndexes(jobsIndexes(keyBindsPostgres)),
		[]step{{sql: createTypeLockPostgres}},
	)
}
