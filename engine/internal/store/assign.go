package store

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// updateFrom is the update where UPDATE ... FROM works, from the batch that
// withWrites puts before it. That is read once: a plan that reads it for each
// of the jobs it meets takes the square of their number.
func (s *Store) updateFrom(patches int) string {
	return "UPDATE job_system_jobs AS j SET " + s.assignments("", patches) +
		" FROM v WHERE j.id = v.id AND j.attempt = v.attempt AND j.writes <= v.number AND {status_by_id} = 'processing'"
}

func (s *Store) withWrites(patches int) string {
	return "WITH v AS MATERIALIZED (SELECT * FROM " + s.dialect.rows(writeColumns(patches)) + ")"
}

// updateChosen is the update where UPDATE ... FROM does not work, with more
// assignments at its end.
func (s *Store) updateChosen(writes []Write, more string) bun.Safe {
	patches, batch := s.batch(writes)
	return s.inlineValues(batch, "j.id", s.text(chosenKey{patches, more}, func() string {
		return "UPDATE job_system_jobs j FORCE INDEX (PRIMARY) SET " + s.assignments("j.", patches) + more +
			" WHERE j.id IN ({keys}) AND j.attempt = v.attempt AND j.writes <= v.number AND j.status = 'processing'"
	}), Owner{})
}

type chosenKey struct {
	patches int
	more    string
}

// noDocument stands in for the number of patches of a batch that changes no
// document: checkpoints and progress. A document that is assigned, even as it
// was, is checked and written, and costs what it is large.
const noDocument = -1

// assignments sets the columns from a batch v with that number of patches.
func (s *Store) assignments(table string, patches int) string {
	var paths, values []string
	for i := range patches {
		n := strconv.Itoa(i)
		paths, values = append(paths, "v.path"+n), append(values, "v.value"+n)
	}
	// Whoever asked for the job to be cancelled gets that, unless it succeeds.
	const status = "CASE WHEN v.status IN ('failed', 'scheduled') AND v.on_cancel = 0 AND j.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE v.status END"
	set := []string{
		"checkpoints = CASE WHEN v.set_checkpoints = 0 THEN j.checkpoints WHEN v.checkpoints_value IS NULL THEN NULL ELSE " + s.dialect.document("v.checkpoints_value") + " END",
		"progress = CASE WHEN v.progress > j.progress THEN v.progress ELSE j.progress END",
		"message = v.message",
		"time_to_complete_ms = v.ttc",
		"time_to_complete_source = v.ttc_source",
		"scheduled_at = CASE WHEN v.status <> 'scheduled' THEN j.scheduled_at WHEN v.on_cancel = 1 AND j.cancel_requested_at IS NOT NULL THEN {now} " +
			"WHEN v.wake_at IS NULL THEN j.scheduled_at WHEN COALESCE(" + s.dialect.jsonLength("j.signals") + ", 0) > v.signals THEN {now} ELSE " +
			s.dialect.fromMicros("v.wake_at") + " END",
		"status = " + status,
		"error = v.error",
		"progressed_at = CASE WHEN v.progressed = 1 THEN {now} ELSE j.progressed_at END",
		"finished_at = CASE WHEN " + status + " IN ('succeeded', 'failed', 'cancelled') THEN {now} END",
		"heartbeat_at = {now}",
		"updated_at = {now}",
		"writes = v.number",
	}
	if patches != noDocument {
		set = append(set, "data = CASE WHEN v.document IS NULL THEN "+s.dialect.setJSON("j.data", paths, values)+" ELSE "+s.dialect.document("v.document")+" END")
	}
	for i := range set {
		set[i] = table + set[i]
	}
	return strings.Join(set, ", ")
}

// writeColumns are the columns of a batch of writes with that number of patches.
func writeColumns(patches int) []column {
	columns := []column{
		{"id", ids}, {"attempt", integers}, {"document", documents}, {"set_checkpoints", integers}, {"checkpoints_value", documents}, {"progress", floats},
		{"message", texts}, {"ttc", integers}, {"ttc_source", texts}, {"status", texts}, {"error", texts}, {"progressed", integers},
		{"wake_at", integers}, {"signals", integers}, {"on_cancel", integers}, {"number", integers},
	}
	for i := range patches {
		n := strconv.Itoa(i)
		columns = append(columns, column{"path" + n, texts}, column{"value" + n, documents})
	}
	return columns
}

// batch is the writes, and the number of patches that each has room for, or
// noDocument.
func (s *Store) batch(writes []Write) (patches int, b *batch) {
	patches = noDocument
	for _, w := range writes {
		if w.Document != nil || len(w.Patches) > 0 {
			patches = max(patches, len(w.Patches))
		}
	}
	b = &batch{columns: writeColumns(patches)}
	for _, w := range writes {
		values := []any{
			w.JobID.String(), w.Attempt, nullable(w.Document), boolInt(w.SetCheckpoints), nullable(w.Checkpoints), w.Progress,
			w.Message, orNil(w.TimeToCompleteMS), w.TimeToCompleteSource, string(cmp.Or(w.End, model.Processing)), w.Error, boolInt(w.Progressed),
			micros(w.WakeAt), w.Signals, int(w.OnCancel), w.Number,
		}
		for k := range patches {
			if k < len(w.Patches) {
				values = append(values, s.dialect.path(w.Patches[k].Path), string(w.Patches[k].Value))
			} else {
				values = append(values, s.dialect.padPath, "null")
			}
		}
		b.add(values...)
	}
	return patches, b
}

// micros is a time as fromMicros takes it.
func micros(t model.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func orNil(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func nullable(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
