package store

import (
	"encoding/json"
	"strconv"

	"github.com/ntxdev/jobsystem/model"
)

// writeAssignments sets the columns of a job j from a row v of a batch of writes. A
// job with a cancel request becomes cancelled, unless it has succeeded or its
// handler answers the request.
const writeAssignments = `
checkpoints = CASE
	WHEN v.set_checkpoints = 0 THEN j.checkpoints
	WHEN v.checkpoints_value IS NULL THEN NULL
	ELSE {json v.checkpoints_value}
END,
progress = CASE WHEN v.progress > j.progress THEN v.progress ELSE j.progress END,
message = v.message,
time_to_complete_ms = v.ttc,
time_to_complete_p90_ms = v.ttc_p90,
time_to_complete_source = v.ttc_source,
scheduled_at = CASE
	WHEN v.status <> 'scheduled' THEN j.scheduled_at
	WHEN v.on_cancel = 1 AND j.cancel_requested_at IS NOT NULL THEN {now}
	WHEN v.wake_at IS NULL THEN j.scheduled_at
	WHEN j.decision IS NOT NULL THEN {now}
	WHEN COALESCE({length j.signals}, 0) > v.signals THEN {now}
	ELSE {time v.wake_at}
END,
status = {end_status},
error = v.error,
left_until = {time v.left_until},
progressed_at = CASE WHEN v.progressed = 1 THEN {now} ELSE j.progressed_at END,
finished_at = CASE WHEN {end_status} IN ('succeeded', 'failed', 'cancelled') THEN {now} END,
heartbeat_at = {now},
updated_at = {now},
writes = v.number`

// endStatus is the status that a write gives a job.
const endStatus = `
CASE
	WHEN v.status IN ('failed', 'scheduled') AND v.on_cancel = 0 AND j.cancel_requested_at IS NOT NULL THEN 'cancelled'
	ELSE v.status
END`

// documentAssignment sets the job's document, too.
const documentAssignment = `,
data = CASE WHEN v.document IS NULL THEN {patched} ELSE {json v.document} END`

// noDocument stands in for the number of patches of a batch that changes no
// document: only checkpoints and progress. An assignment to the document, even of
// what it was, makes the database check and write it, at a cost that grows with it.
const noDocument = -1

// assignments returns the words for the assignments of a batch of writes with that
// number of patches.
func assignments(d database, patches int) words {
	w := words{"assignments": writeAssignments, "end_status": endStatus}
	if patches != noDocument {
		w["assignments"] += documentAssignment
		w["patched"] = d.patched(patches)
	}
	return w
}

// writeColumns returns the columns of a batch of writes with that number of patches.
func writeColumns(patches int) []column {
	columns := []column{
		{"id", ids}, {"attempt", integers}, {"document", documents}, {"set_checkpoints", integers}, {"checkpoints_value", documents}, {"progress", floats},
		{"message", texts}, {"ttc", integers}, {"ttc_p90", integers}, {"ttc_source", texts}, {"status", texts}, {"error", texts}, {"progressed", integers},
		{"wake_at", integers}, {"signals", integers}, {"on_cancel", integers}, {"left_until", integers}, {"number", integers}, {"decided", integers},
	}
	for i := range patches {
		path, value := patchColumns(i)
		columns = append(columns, column{path, texts}, column{value, documents})
	}
	return columns
}

// patchColumns returns the names of the columns of a batch with the i-th patches.
func patchColumns(i int) (path, value string) {
	n := strconv.Itoa(i)
	return "path" + n, "value" + n
}

// writeBatch returns the writes as a batch, and the number of patches that each
// row has room for, or noDocument.
func writeBatch(d database, writes []Write) (patches int, b *batch) {
	patches = noDocument
	for _, w := range writes {
		if w.Document != nil || len(w.Patches) > 0 {
			patches = max(patches, len(w.Patches))
		}
	}
	b = &batch{columns: writeColumns(patches)}
	for _, w := range writes {
		values := []any{
			w.JobID.String(), w.Attempt, orNil(w.Document), oneIf(w.SetCheckpoints), orNil(w.Checkpoints), w.Progress,
			w.Message, pointee(w.TimeToCompleteMS), pointee(w.TimeToCompleteP90MS), w.TimeToCompleteSource, string(w.status()), w.Error, oneIf(w.Progressed),
			epochMicros(w.WakeAt), w.Signals, int(w.OnCancel), epochMicros(w.LeftUntil), w.Number, oneIf(w.Decided),
		}
		for k := range patches {
			if k < len(w.Patches) {
				values = append(values, d.jsonPath(w.Patches[k].Path), string(w.Patches[k].Value))
			} else {
				values = append(values, d.unusedPath(), "null")
			}
		}
		b.add(values...)
	}
	return patches, b
}

// epochMicros returns a time in microseconds since the Unix epoch, nil if it is zero.
func epochMicros(t model.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// orNil returns a JSON text, nil if there is none.
func orNil(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}

// pointee returns what n points at, nil if that is nothing.
func pointee[T any](n *T) any {
	if n == nil {
		return nil
	}
	return *n
}

// oneIf returns 1 if b is true, otherwise 0.
func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}
