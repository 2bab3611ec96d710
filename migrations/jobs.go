package migrations

// jobs is the first migration: the two tables.
func jobs() migration {
	return migration{
		name: "0001_jobs",
		does: "makes job_system_jobs and job_type_lock; its undoing drops these two tables, with every job in them",
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

// jobsDown drops job_system_jobs first: if a table of the host refers to it,
// the database refuses, and nothing has been dropped yet.
func jobsDown() []step {
	return []step{
		{sql: `DROP TABLE IF EXISTS job_system_jobs`},
		{sql: `DROP TABLE IF EXISTS job_type_lock`},
	}
}
