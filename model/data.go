package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Data is the document in a job's data column.
type Data struct {
	// Input is what the job was enqueued with.
	Input json.RawMessage `json:"input"`
	// Steps holds a record for each step of the plan, in order. It is empty
	// until the job's first write after its first claim.
	Steps []StepRecord `json:"steps"`
	// Result is the job's result; empty if it has none.
	Result json.RawMessage `json:"result,omitempty"`
	// Declared is the status that the job was declared to have, by Succeed or Fail; empty
	// if its steps alone have decided that.
	Declared Status `json:"declared,omitempty"`
	// Plan holds the options of the whole definition that also an engine without
	// the definition needs; nil until the job's first write.
	Plan *PlanRecord `json:"plan,omitempty"`
	// Undoing is set from when the first step is undone until the job ends.
	Undoing *Undoing `json:"undoing,omitempty"`
	// History holds, oldest first, the records that a resume from an earlier step
	// has replaced, and those of steps that the definition no longer has. If the
	// document grows too large, the history is shortened: see DropHistory.
	History []StepRecord `json:"history,omitempty"`
	// HistoryDropped counts the records that were dropped from History.
	HistoryDropped int `json:"history_dropped,omitempty"`

	unknown unknown
}

// PlanRecord is what a job's document says about its plan as a whole.
type PlanRecord struct {
	// Fingerprint is the same for plans with the same steps in the same order.
	Fingerprint string `json:"fingerprint"`
	// Earlier is the fingerprint of the plan that the job had before, if the
	// definition has changed since.
	Earlier string `json:"earlier,omitempty"`
	// ResumeOnCrash is how many times the job is resumed automatically after its
	// process died, and Crashes how many times it has been.
	ResumeOnCrash int `json:"resume_on_crash,omitempty"`
	Crashes       int `json:"crashes,omitempty"`
	// WorkedMS is the time in milliseconds that the job's ended runs took, without
	// waits. It is recorded if the definition limits it, and for runs that were
	// cut short.
	WorkedMS int64 `json:"worked_ms,omitempty"`
	// UndoOnCancel and UndoOnFailure say that completed steps with an undo are undone
	// when the job is cancelled, or fails.
	UndoOnCancel  bool `json:"undo_on_cancel,omitempty"`
	UndoOnFailure bool `json:"undo_on_failure,omitempty"`

	unknown unknown
}

// Undoing describes how a job ends once its completed steps are undone: with which
// status and error.
type Undoing struct {
	Status Status `json:"status"`
	Error  string `json:"error,omitempty"`

	unknown unknown
}

// envelopeKeys are the keys of a Data document. An object with "input" and no
// key beside these is one. So is one with further keys, of a newer version, if
// it has a list of step records as well, which every version writes. Anything
// else is an input of its own.
var envelopeKeys = []string{"input", "steps", "result", "declared", "plan", "undoing", "history", "history_dropped"}

// ParseData reads a data column. If the document does not have the form of [Data],
// because another producer wrote it, the whole document is the input. An empty
// column is the input null. It returns an error if raw is not JSON, or if a part of
// a Data document has the wrong type.
func ParseData(raw json.RawMessage) (Data, error) {
	raw = compact(trim(raw))
	if len(raw) == 0 {
		return Data{Input: json.RawMessage("null")}, nil
	}
	switch envelope, valid := isEnvelope(raw); {
	case !valid:
		return Data{}, fmt.Errorf("data is not JSON")
	case !envelope:
		return Data{Input: raw}, nil
	}
	var d Data
	if decodeKnown(raw, &d) == nil { // this version wrote it
		return d, nil
	}
	d = Data{}
	if err := decodeAll(raw, &d); err != nil {
		return Data{}, fmt.Errorf("read data: %w", err)
	}
	return d, nil
}

// compact takes out the spaces that PostgreSQL puts behind each colon and comma, which
// do not count for bounds.
func compact(raw json.RawMessage) json.RawMessage {
	colon := bytes.IndexByte(raw, ':')
	if colon < 0 || colon+1 == len(raw) || raw[colon+1] != ' ' {
		return raw
	}
	out := bytes.NewBuffer(make([]byte, 0, len(raw)))
	if json.Compact(out, raw) != nil {
		return raw // it is no JSON: the caller says so
	}
	return out.Bytes()
}

// isEnvelope reports whether raw is a Data document, and whether it is JSON.
func isEnvelope(raw json.RawMessage) (envelope, valid bool) {
	if raw[0] != '{' {
		return false, json.Valid(raw)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		return false, false
	}
	if _, ok := keys["input"]; !ok {
		return false, true
	}
	for key := range keys {
		if !slices.Contains(envelopeKeys, key) {
			return areRecords(keys["steps"]), true
		}
	}
	return true, true
}

// areRecords reports whether raw is a list of step records.
func areRecords(raw json.RawMessage) bool {
	var records []struct{ Name, Status *string }
	if json.Unmarshal(raw, &records) != nil || records == nil {
		return false
	}
	for _, record := range records {
		if record.Name == nil || record.Status == nil {
			return false
		}
	}
	return true
}

// Reset returns the document for a job that begins again: its input alone, with the
// document's unknown keys.
func (d Data) Reset() Data { return Data{Input: d.Input, unknown: d.unknown} }

// JSON returns the document as it is written to the data column.
func (d Data) JSON() (json.RawMessage, error) {
	if len(d.Input) == 0 {
		d.Input = json.RawMessage("null")
	}
	if d.Steps == nil {
		d.Steps = []StepRecord{}
	}
	raw, err := d.encode()
	if err != nil {
		return nil, fmt.Errorf("write data: %w", err)
	}
	return raw, nil
}

// Size returns the approximate size of the document as JSON, in bytes.
func (d Data) Size() int {
	const record, child = 200, 40 // bytes of a record without its name, output and error, and of a child's id
	n := len(d.Input) + len(d.Result) + d.unknown.size()
	for _, list := range [][]StepRecord{d.Steps, d.History} {
		for _, s := range list {
			n += record + child*len(s.Children) + len(s.Name) + len(s.Output) + s.errorSize() + s.unknown.size()
		}
	}
	return n
}

// ErrorSize is the number of bytes that the errors of the steps take.
func (d Data) ErrorSize() (n int) {
	for _, s := range d.Steps {
		n += s.errorSize()
	}
	return n
}

// DropHistory drops the oldest records of the history until the document has at most
// about size bytes, or no history, and reports whether it dropped any. History only
// informs people, so it must not make a document too large to be written.
func (d *Data) DropHistory(size int) bool {
	n := 0
	for over := d.Size() - size; over > 0 && n < len(d.History); n++ {
		over -= Data{History: d.History[n : n+1]}.Size()
	}
	d.History = d.History[n:]
	d.HistoryDropped += n
	return n > 0
}

// Step returns the index of the record of that name, or -1.
func (d Data) Step(name string) int {
	return slices.IndexFunc(d.Steps, func(r StepRecord) bool { return r.Name == name })
}

// Interrupt marks the steps that are recorded as running or as being undone as
// interrupted: their process has died, and its last heartbeat was at that time. It
// returns the names of the steps that are in doubt: see [StepRecord.InDoubt].
func (d Data) Interrupt(lastHeartbeat Time) (inDoubt []string) {
	for i := range d.Steps {
		record := &d.Steps[i]
		if record.Undo != nil && record.Undo.Status == StepRunning {
			record.Undo.Status = StepInterrupted
		}
		if record.Status != StepRunning {
			continue
		}
		record.Status, record.FinishedAt = StepInterrupted, Time{}
		record.DurationMS = max(0, lastHeartbeat.Sub(record.StartedAt.Time).Milliseconds())
		if record.InDoubt() {
			inDoubt = append(inDoubt, record.Name)
		}
	}
	return inDoubt
}
