package migrations

import (
	"fmt"
	"strings"
)

// The same statements for MySQL and MariaDB.
//
// Texts are compared byte by byte (utf8mb4_bin): type names and keys that differ
// in case are different. Times are UTC, whatever the session's time zone.
//
// Neither server has partial indexes. In their place, processing_type is the
// type of a running job and NULL for all others, and a unique index takes any
// number of NULLs. It is STORED and not VIRTUAL: both servers index both, but a
// stored column is like any other to purge, backup and replication, where the
// indexes on virtual columns of both servers have had their bugs; and as it is
// NULL in all rows but the few that run, it takes no room worth saving.

const jobsColumnsMySQL = `
    id                  CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT (UUID()),
    type                VARCHAR(128)  NOT NULL,
    name                VARCHAR(255)  NOT NULL DEFAULT '',
    role                VARCHAR(255)  NOT NULL DEFAULT '',
    email               VARCHAR(320)  NOT NULL DEFAULT '',
    uploaded_file_url   VARCHAR(2048) NOT NULL DEFAULT '',
    data                JSON          NOT NULL,
    status              VARCHAR(16)   NOT NULL DEFAULT 'scheduled',
    progress            DOUBLE        NOT NULL DEFAULT 0,
    message             MEDIUMTEXT    NOT NULL DEFAULT (''),
    time_to_complete_ms BIGINT,
    time_to_complete_source VARCHAR(16)   NOT NULL DEFAULT '',
    checkpoints         JSON,
    attempt             BIGINT        NOT NULL DEFAULT 0,
    writes              BIGINT        NOT NULL DEFAULT 0,
    resumptions         BIGINT        NOT NULL DEFAULT 0,
    error               MEDIUMTEXT    NOT NULL DEFAULT (''),
    scheduled_at        DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    started_at          DATETIME(6),
    finished_at         DATETIME(6),
    heartbeat_at        DATETIME(6),
    progressed_at       DATETIME(6),
    cancel_requested_at DATETIME(6),
    cancelled_by        VARCHAR(255)  NOT NULL DEFAULT '',
    cancel_reason       VARCHAR(1000) NOT NULL DEFAULT '',
    signals             JSON,
    parent_id           CHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
    idempotency_key     VARCHAR(255),
    created_at          DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    updated_at          DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    deleted_at          DATETIME(6),
    processing_type     VARCHAR(128)  GENERATED ALWAYS AS (CASE WHEN status = 'processing' THEN type END) STORED,
    PRIMARY KEY (id),
    CONSTRAINT job_system_jobs_status_check
        CHECK (status IN ('scheduled', 'processing', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT job_system_jobs_progress_check CHECK (progress >= 0 AND progress <= 1),
    CONSTRAINT job_system_jobs_id_check
        CHECK (id REGEXP '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')`

const lockMySQL = `CREATE TABLE IF NOT EXISTS job_type_lock (
    type         VARCHAR(128) NOT NULL,
    locked_until DATETIME(6)  NOT NULL DEFAULT '1970-01-01 00:00:00',
    updated_at   DATETIME(6)  NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    owner        VARCHAR(255) NOT NULL DEFAULT '',
    job_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
    attempt      BIGINT       NOT NULL DEFAULT 0,
    PRIMARY KEY (type)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`

type keyMySQL struct{ name, definition string }

func jobsKeysMySQL() []keyMySQL {
	return []keyMySQL{
		// The claim: each type's next job is the head of its part of the index.
		{"job_system_jobs_claim", "KEY job_system_jobs_claim (type, status, deleted_at, scheduled_at, id)"},
		// One running job of a type, whatever the code above does.
		{"job_system_jobs_processing", "UNIQUE KEY job_system_jobs_processing (processing_type)"},
		{"job_system_jobs_idempotency", "UNIQUE KEY job_system_jobs_idempotency (type, idempotency_key)"},
		// The latest job of a type. Over all types, the ids are in order of time.
		{"job_system_jobs_latest", "KEY job_system_jobs_latest (type, created_at, id)"},
		// The children of a job that waits for them.
		{"job_system_jobs_parent", "KEY job_system_jobs_parent (parent_id)"},
	}
}

// jobsUpMySQL makes the table with its indexes in one statement, which is all or
// nothing even on a server without transactional DDL. An index that is missing
// all the same, because someone had part of the table, is added.
func jobsUpMySQL() []step {
	var create strings.Builder
	create.WriteString("CREATE TABLE IF NOT EXISTS job_system_jobs (" + jobsColumnsMySQL)
	for _, key := range jobsKeysMySQL() {
		create.WriteString(",\n    " + key.definition)
	}
	create.WriteString("\n) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")

	steps := []step{{sql: create.String()}}
	for _, key := range jobsKeysMySQL() {
		steps = append(steps, step{
			sql: "ALTER TABLE job_system_jobs ADD " + key.definition,
			skip: fmt.Sprintf(`SELECT COUNT(*) FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = 'job_system_jobs' AND index_name = '%s'`, key.name),
		})
	}
	return append(steps, step{sql: lockMySQL})
}
