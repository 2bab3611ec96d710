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

// jobsIndexes returns the indexes of job_system_jobs on databases that have partial
// indexes: SQLite and PostgreSQL. keyBinds is the condition under which an idempotency key
// binds.
func jobsIndexes(keyBinds string) []index {
	return []index{
		// For the claim: the next job of a type and a priority is the first entry of its
		// part of the index.
		{name: "job_system_jobs_claim", columns: "type, priority, scheduled_at, id", where: "status = 'scheduled' AND deleted_at IS NULL"},
		// At most one processing job of a type, even if the engine has a bug.
		{name: "job_system_jobs_processing", unique: true, columns: "type", where: "status = 'processing'"},
		{name: "job_system_jobs_idempotency", unique: true, columns: "type, idempotency_key", where: keyBinds},
		// For the latest job of a type. The latest job of all types needs no index of
		// its own: ids are ordered by time.
		{name: "job_system_jobs_latest", columns: "type, created_at, id"},
		// For the estimates, which go by the last succeeded jobs of a type.
		{name: "job_system_jobs_history", columns: "type, scheduled_at, id", where: "status = 'succeeded' AND deleted_at IS NULL"},
		// For the children of a job that waits for them.
		{name: "job_system_jobs_parent", columns: "parent_id", where: "parent_id IS NOT NULL"},
	}
}

// createIndexes returns the steps that create indexes on SQLite and PostgreSQL.
func createIndexes(indexes []index) []step {
	var steps []step
	for _, index := range indexes {
		steps = append(steps, step{sql: index.create("IF NOT EXISTS ")})
	}
	return steps
}

// jobsDown drops job_system_jobs first: if a table of the host refers to it, the
// database rejects the statement, and nothing has been dropped yet.
func jobsDown() []step {
	return []step{
		{sql: `DROP TABLE IF EXISTS job_system_jobs`},
		{sql: `DROP TABLE IF EXISTS job_type_lock`},
	}
}
