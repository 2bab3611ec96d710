package migrations

// jobsMigration is the first migration. It creates both tables.
func jobsMigration() migration {
	return migration{
		name:   "0001_jobs",
		action: "creates job_system_jobs and job_type_lock; its rollback drops both tables, with all jobs",
		up: map[Database][]step{
			SQLite:     jobsUpSQLite(),
			PostgreSQL: jobsUpPostgres(),
			MySQL:      jobsUpMySQL(),
			MariaDB:    jobsUpMySQL(),
		},
		down: map[Database][]step{
			SQLite:     jobsDownSQLite(),
			PostgreSQL: jobsDown(),
			MySQL:      jobsDown(),
			MariaDB:    jobsDown(),
		},
	}
}

// jobsIndexes creates the indexes on databases that have partial indexes: SQLite
// and PostgreSQL.
func jobsIndexes() []step {
	return []step{
		// For the claim: the next job of a type and a priority is the first entry of its
		// part of the index.
		{sql: `CREATE INDEX IF NOT EXISTS job_system_jobs_claim
    ON job_system_jobs (type, priority, scheduled_at, id)
    WHERE status = 'scheduled' AND deleted_at IS NULL`},
		// At most one processing job of a type, even if the engine has a bug.
		{sql: `CREATE UNIQUE INDEX IF NOT EXISTS job_system_jobs_processing
    ON job_system_jobs (type)
    WHERE status = 'processing'`},
		{sql: `CREATE UNIQUE INDEX IF NOT EXISTS job_system_jobs_idempotency
    ON job_system_jobs (type, idempotency_key)`},
		// For the latest job of a type. The latest job of all types needs no index of
		// its own: ids are ordered by time.
		{sql: `CREATE INDEX IF NOT EXISTS job_system_jobs_latest
    ON job_system_jobs (type, created_at, id)`},
		// For the estimates, which go by the last succeeded jobs of a type.
		{sql: `CREATE INDEX IF NOT EXISTS job_system_jobs_history
    ON job_system_jobs (type, scheduled_at, id)
    WHERE status = 'succeeded' AND deleted_at IS NULL`},
		// For the children of a job that waits for them.
		{sql: `CREATE INDEX IF NOT EXISTS job_system_jobs_parent
    ON job_system_jobs (parent_id)
    WHERE parent_id IS NOT NULL`},
	}
}

// jobsDown drops job_system_jobs first: if a table of the host refers to it, the
// database rejects the statement, and nothing has been dropped yet.
func jobsDown() []step {
	return []step{
		{sql: `DROP TABLE IF EXISTS job_system_jobs`},
		{sql: `DROP TABLE IF EXISTS job_type_lock`},
	}
}
