package migrations

import (
	"fmt"
	"strings"
)

// The statements for MySQL and MariaDB.
//
// Texts are compared byte by byte (utf8mb4_bin): type names and keys that differ
// in case are different. Times are in UTC, independent of the session's time
// zone.
//
// Neither server has partial indexes. Instead, processing_type is the type of a
// processing job and NULL for all others, bound_key the idempotency key as long as it
// binds, and a unique index allows any number of NULLs. It is STORED, not VIRTUAL. Both servers can index both, but purge,
// backup and replication treat a stored column like any other, while indexes on
// virtual columns have had bugs there on both servers. A stored column takes
// little space, because it is NULL in all rows except the few that are
// processing.

// idMySQL is the id of a row that is inserted without one: a UUIDv7, so that it sorts
// by time with the ids that the engine makes. The random part is from UUID(), which no
// two rows share.
const idMySQL = `LOWER(CONCAT(LPAD(HEX(` + nowMySQL + ` DIV 65536), 8, '0'), '-', LPAD(HEX(` + nowMySQL + ` MOD 65536), 4, '0'),
                            '-7', LEFT(SHA2(UUID(), 256), 3), '-8', LEFT(SHA2(UUID(), 256), 3), '-', LEFT(SHA2(UUID(), 256), 12)))`

// nowMySQL is the number of milliseconds since the Unix epoch.
const nowMySQL = `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000`

const jobsColumnsMySQL = `
    id                  CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT (` + idMySQL + `),
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
    time_to_complete_p90_ms BIGINT,
    time_to_complete_source VARCHAR(16)   NOT NULL DEFAULT '',
    checkpoints         JSON,
    attempt             BIGINT        NOT NULL DEFAULT 0,
    writes              BIGINT        NOT NULL DEFAULT 0,
    resumptions         BIGINT        NOT NULL DEFAULT 0,
    error               MEDIUMTEXT    NOT NULL DEFAULT (''),
    priority            SMALLINT      NOT NULL DEFAULT 0,
    scheduled_at        DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    started_at          DATETIME(6),
    finished_at         DATETIME(6),
    heartbeat_at        DATETIME(6),
    progressed_at       DATETIME(6),
    cancel_requested_at DATETIME(6),
    cancelled_by        VARCHAR(255)  NOT NULL DEFAULT '',
    cancel_reason       VARCHAR(1000) NOT NULL DEFAULT '',
    decision            JSON,
    signals             JSON,
    parent_id           CHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
    idempotency_key     VARCHAR(255),
    unique_until        VARCHAR(64)   NOT NULL DEFAULT '',
    left_until          DATETIME(6),
    created_at          DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    updated_at          DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    deleted_at          DATETIME(6),
    processing_type     VARCHAR(128)  GENERATED ALWAYS AS (CASE WHEN status = 'processing' THEN type END) STORED,
    bound_key           VARCHAR(255)  GENERATED ALWAYS AS (CASE WHEN LOCATE(status, unique_until) = 0 THEN idempotency_key END) STORED,
    PRIMARY KEY (id),
    CONSTRAINT job_system_jobs_status_check
        CHECK (status IN ('scheduled', 'processing', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT job_system_jobs_progress_check CHECK (progress >= 0 AND progress <= 1),
    CONSTRAINT job_system_jobs_priority_check CHECK (priority IN (-2, -1, 0, 1, 2, 100)),
    CONSTRAINT job_system_jobs_id_check
        CHECK (id REGEXP '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')`

const createTypeLockMySQL = `CREATE TABLE IF NOT EXISTS job_type_lock (
    type         VARCHAR(128) NOT NULL,
    locked_until DATETIME(6)  NOT NULL DEFAULT '1970-01-01 00:00:00',
    updated_at   DATETIME(6)  NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    owner        VARCHAR(255) NOT NULL DEFAULT '',
    job_id       CHAR(36) CHARACTER SET ascii COLLATE ascii_bin,
    attempt      BIGINT       NOT NULL DEFAULT 0,
    PRIMARY KEY (type)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`

func jobsIndexesMySQL() []index {
	return []index{
		// For the claim: the next job of a type and a priority is the first entry of its
		// part of the index.
		{name: "job_system_jobs_claim", columns: "type, status, deleted_at, priority, scheduled_at, id"},
		// At most one processing job of a type, even if the engine has a bug.
		{name: "job_system_jobs_processing", unique: true, columns: "processing_type"},
		{name: "job_system_jobs_idempotency", unique: true, columns: "type, bound_key"},
		// For the latest job of a type. The latest job of all types needs no index of
		// its own: ids are ordered by time.
		{name: "job_system_jobs_latest", columns: "type, created_at, id"},
		// For the estimates, which go by the last succeeded jobs of a type.
		{name: "job_system_jobs_history", columns: "type, status, deleted_at, scheduled_at, id"},
		// For the children of a job that waits for them.
		{name: "job_system_jobs_parent", columns: "parent_id"},
	}
}

// jobsUpMySQL creates the table and its indexes in one statement, which is atomic
// although the server has no transactional DDL. Further steps add the indexes that
// are missing, for a table that existed with some of them.
func jobsUpMySQL() []step {
	var create strings.Builder
	create.WriteString("CREATE TABLE IF NOT EXISTS job_system_jobs (" + jobsColumnsMySQL)
	for _, index := range jobsIndexesMySQL() {
		kind := "KEY"
		if index.unique {
			kind = "UNIQUE KEY"
		}
		fmt.Fprintf(&create, ",\n    %s %s (%s)", kind, index.name, index.columns)
	}
	create.WriteString("\n) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")

	steps := []step{{sql: create.String()}}
	for _, index := range jobsIndexesMySQL() {
		steps = append(steps, step{
			sql: index.create(""),
			skipIfQuery: fmt.Sprintf(`SELECT COUNT(*) FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = 'job_system_jobs' AND index_name = '%s'`, index.name),
		})
	}
	return append(steps, step{sql: createTypeLockMySQL})
}
