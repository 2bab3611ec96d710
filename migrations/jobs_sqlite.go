package migrations

import "slices"

// The tables are STRICT, so that a driver cannot store a blob as a text or a text
// as a time. Times are in microseconds since the Unix epoch.
//
// The expressions do the same in the old versions of SQLite that an administrator's
// sqlite3 may have, where unixepoch('subsec') and json_valid(NULL) are NULL and 0.

// millisecondsSQLite is the number of milliseconds since the Unix epoch.
const millisecondsSQLite = `CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)`

// idSQLite is the id of a row that is inserted without one: a UUIDv7, so that it sorts
// by time with the ids that the engine makes.
const idSQLite = `lower(substr(printf('%012x', ` + millisecondsSQLite + `), 1, 8)
                                    || '-' || substr(printf('%012x', ` + millisecondsSQLite + `), 9)
                                    || '-7' || substr(hex(randomblob(2)), 2)
                                    || '-8' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))`

const createJobsSQLite = `CREATE TABLE IF NOT EXISTS job_system_jobs (
    id                  TEXT    NOT NULL PRIMARY KEY
                                DEFAULT (` + idSQLite + `),
    type                TEXT    NOT NULL,
    name                TEXT    NOT NULL DEFAULT '',
    role                TEXT    NOT NULL DEFAULT '',
    email               TEXT    NOT NULL DEFAULT '',
    uploaded_file_url   TEXT    NOT NULL DEFAULT '',
    data                TEXT    NOT NULL,
    status              TEXT    NOT NULL DEFAULT 'scheduled',
    progress            REAL    NOT NULL DEFAULT 0,
    message             TEXT    NOT NULL DEFAULT '',
    time_to_complete_ms INTEGER,
    time_to_complete_p90_ms INTEGER,
    time_to_complete_source TEXT    NOT NULL DEFAULT '',
    checkpoints         TEXT,
    attempt             INTEGER NOT NULL DEFAULT 0,
    writes              INTEGER NOT NULL DEFAULT 0,
    resumptions         INTEGER NOT NULL DEFAULT 0,
    error               TEXT    NOT NULL DEFAULT '',
    priority            INTEGER NOT NULL DEFAULT 0,
    scheduled_at        INTEGER NOT NULL DEFAULT (` + millisecondsSQLite + ` * 1000),
    started_at          INTEGER,
    finished_at         INTEGER,
    heartbeat_at        INTEGER,
    progressed_at       INTEGER,
    cancel_requested_at INTEGER,
    cancelled_by        TEXT    NOT NULL DEFAULT '',
    cancel_reason       TEXT    NOT NULL DEFAULT '',
    decision            TEXT,
    signals             TEXT,
    parent_id           TEXT,
    idempotency_key     TEXT,
    unique_until        TEXT    NOT NULL DEFAULT '',
    left_until          INTEGER,
    created_at          INTEGER NOT NULL DEFAULT (` + millisecondsSQLite + ` * 1000),
    updated_at          INTEGER NOT NULL DEFAULT (` + millisecondsSQLite + ` * 1000),
    deleted_at          INTEGER,
    CONSTRAINT job_system_jobs_data_check CHECK (json_valid(data)),
    CONSTRAINT job_system_jobs_checkpoints_check CHECK (checkpoints IS NULL OR json_valid(checkpoints)),
    CONSTRAINT job_system_jobs_decision_check CHECK (decision IS NULL OR json_valid(decision)),
    CONSTRAINT job_system_jobs_signals_check CHECK (signals IS NULL OR json_valid(signals)),
    CONSTRAINT job_system_jobs_status_check
        CHECK (status IN ('scheduled', 'processing', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT job_system_jobs_progress_check CHECK (progress >= 0 AND progress <= 1),
    CONSTRAINT job_system_jobs_priority_check CHECK (priority IN (-2, -1, 0, 1, 2, 100)),
    CONSTRAINT job_system_jobs_id_check
        CHECK (id GLOB '????????-????-????-????-????????????' AND length(id) = 36 AND NOT id GLOB '*[^0-9a-f-]*')
) STRICT`

// keyBindsSQLite is keyBindsPostgres.
const keyBindsSQLite = "idempotency_key IS NOT NULL AND instr(unique_until, status) = 0"

const createTypeLockSQLite = `CREATE TABLE IF NOT EXISTS job_type_lock (
    type         TEXT    NOT NULL PRIMARY KEY,
    locked_until INTEGER NOT NULL DEFAULT 0,
    updated_at   INTEGER NOT NULL DEFAULT (` + millisecondsSQLite + ` * 1000),
    owner        TEXT    NOT NULL DEFAULT '',
    job_id       TEXT,
    attempt      INTEGER NOT NULL DEFAULT 0
) STRICT`

func jobsUpSQLite() []step {
	return slices.Concat(
		[]step{{sql: createJobsSQLite}},
		createIndexes(jobsIndexes(keyBindsSQLite)),
		[]step{{sql: createTypeLockSQLite}},
	)
}

// jobsDownSQLite first checks for tables that refer to ours. The other databases
// reject dropping a table that is referred to. SQLite first deletes its rows and,
// through ON DELETE CASCADE, the host's rows with them.
func jobsDownSQLite() []step {
	steps := jobsDown()
	steps[0].dependentsQuery = `SELECT DISTINCT m.name
FROM main.sqlite_master AS m, pragma_foreign_key_list(m.name, 'main') AS f
WHERE m.type = 'table' AND lower(f."table") IN ('job_system_jobs', 'job_type_lock')
ORDER BY m.name`
	return steps
}
