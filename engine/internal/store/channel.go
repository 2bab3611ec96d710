package store

// channel is the PostgreSQL channel that engines on the same tables share, without
// their prefix.
const channel = "job_system_jobs"

// The payloads of notifications: a word, a space, and an argument.
const (
	notifyDue    = "due "    // and a job type
	notifyCancel = "cancel " // and a job id
	notifyDecide = "decide " // and a job id
)
