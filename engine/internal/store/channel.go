package store

// Channel is the PostgreSQL channel that engines on one database share.
const Channel = "job_system_jobs"

// The payloads of notifications: a word, a space, and an argument.
const (
	notifyDue    = "due "    // and a job type
	notifyCancel = "cancel " // and a job id
	notifyDecide = "decide " // and a job id
)
