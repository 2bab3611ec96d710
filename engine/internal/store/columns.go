package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ntxdev/jobsystem/model"
)

// commonWords are the words that are the same on every database.
var commonWords = words{
	"job_columns":      jobColumns,
	"returned_columns": strings.ReplaceAll(jobColumns, "@.", ""),
	"insert_columns":   insertColumns,
	"start":            startAssignments,
	"decision_known":   decisionKnown,
	"priorities":       prioritiesTable(),
	"head":             headOfPriority,
	"priority_worth":   micros(model.PriorityWorth),
	"immediate":        strconv.Itoa(model.ImmediatePriority),
	"except":           "",
}

const jobColumns = `
@.id, @.type, @.name, @.role, @.email, @.uploaded_file_url, @.data,
@.status, @.progress, @.message, @.time_to_complete_ms, @.time_to_complete_p90_ms, @.time_to_complete_source,
@.checkpoints, @.attempt, @.resumptions, @.error,
@.priority, @.scheduled_at, @.started_at, @.finished_at, @.heartbeat_at, @.progressed_at,
@.cancel_requested_at, @.cancelled_by, @.cancel_reason, @.decision,
@.signals, @.parent_id, @.idempotency_key, @.unique_until, @.left_until,
@.created_at, @.updated_at, @.deleted_at`

const insertColumns = `
id, type, name, role, email, uploaded_file_url, data,
priority, scheduled_at, idempotency_key, unique_until, parent_id, status, created_at, updated_at`

// insertBatch are the columns of a batch of new jobs.
var insertBatch = []column{
	{"id", ids}, {"type", texts}, {"name", texts}, {"role", texts}, {"email", texts}, {"uploaded_file_url", texts},
	{"document", documents}, {"priority", integers}, {"due_at", integers}, {"idempotency_key", texts}, {"unique_until", texts}, {"parent_id", ids},
}

const headOfPriority = `
FROM job_system_jobs j {claim_index}
WHERE j.type = @.type AND j.status = 'scheduled' AND j.deleted_at IS NULL AND j.priority = p.priority {except}
ORDER BY {claim_order}
LIMIT 1`

// decisionKnown is the part of the fence that keeps out an end which was chosen without
// knowledge of a decision that the job has.
const decisionKnown = `(v.decided = 1 OR v.status NOT IN ('succeeded', 'failed') OR j.decision IS NULL)`

const startAssignments = `
status = 'processing',
attempt = j.attempt + 1,
writes = 0,
started_at = {now},
heartbeat_at = {now},
progressed_at = {now},
finished_at = NULL,
updated_at = {now}`

// exceptListed is {except} for a list of ids in the text of a statement: its second argument.
const exceptListed = "AND j.id NOT IN (?1)"

// lockBatch are the columns of a batch of locks: the run that each is to cover,
// none if there is no job_id, and the ended run that it covers before.
var lockBatch = []column{{"type", texts}, {"job_id", ids}, {"attempt", integers}, {"ended", ids}, {"ended_attempt", integers}}

// heldBatch are the columns of a batch of locks that cover runs.
var heldBatch = []column{{"type", texts}, {"job_id", ids}, {"attempt", integers}}

// prioritiesTable returns a table of all priorities, the greatest first.
func prioritiesTable() string {
	var rows []string
	for _, p := range model.Priorities() {
		rows = append(rows, fmt.Sprint("SELECT ", p, " AS priority"))
	}
	return "(" + strings.Join(rows, " UNION ALL ") + ")"
}
