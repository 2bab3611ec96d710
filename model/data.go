package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
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
	// UndoOnCancel says that completed steps with an undo are undone when the
	// job is cancelled.
	UndoOnCancel bool `json:"undo_on_cancel,omitempty"`

	unknown unknown
}

// Undoing describes how a job ends once its completed steps are undone: with which
// status and error.
type Undoing struct {
	Status Status `json:"status"`
	Error  string `json:"error,omitempty"`

	unknown unknown
}

// StepRecord is the record of one step.
type StepRecord struct {
	Name   string     `json:"name"`
	Status StepStatus `json:"status"`
	Weight float64    `json:"weight,omitempty"`
	// Attempts counts how often the step was begun, over all runs of the job.
	Attempts   int  `json:"attempts,omitempty"`
	StartedAt  Time `json:"started_at,omitzero"`
	FinishedAt Time `json:"finished_at,omitzero"`
	// DurationMS is the time that the latest ended attempt took, in milliseconds.
	DurationMS int64 `json:"duration_ms,omitempty"`
	// Output is what the step returned, present on completed steps that have an
	// output.
	Output json.RawMessage `json:"output,omitempty"`
	Error  string          `json:"error,omitempty"`
	// Stack is where the step panicked, if it did, for those who mend its code.
	Stack string `json:"stack,omitempty"`
	// EarlierErrors are those of the last attempts before the latest that failed, the
	// oldest first: at most [MaxEarlierErrors].
	EarlierErrors []AttemptError `json:"earlier_errors,omitempty"`
	// SetsResult says that this step has set the job's result.
	SetsResult bool `json:"sets_result,omitempty"`
	// BegunAs is the name under which the step first began, if the definition
	// has renamed it since.
	BegunAs string `json:"begun_as,omitempty"`
	// Group is the name of the step's group, whose members run at the same time;
	// empty for a step outside of a group.
	Group string `json:"group,omitempty"`
	// Version is the version of the step that made the output, as the definition
	// declared it then.
	Version int `json:"version,omitempty"`
	// Failures counts the failed attempts that count against the step's retries:
	// those since a person last resumed the job.
	Failures int `json:"failures,omitempty"`
	// WaitUntil is when a waiting step continues at the latest. Awaits is the name
	// of the signal it waits for, if any; SentBy and SentAt say who sent that
	// signal, and when.
	WaitUntil Time   `json:"wait_until,omitzero"`
	Awaits    string `json:"awaits,omitempty"`
	SentBy    string `json:"sent_by,omitempty"`
	SentAt    Time   `json:"sent_at,omitzero"`
	// Children are the jobs that the step has enqueued and waits for.
	Children []uuid.UUID `json:"children,omitempty"`
	// OnCrash says what happens if the process dies in the middle of this step.
	// Empty: the step runs again when the job is resumed. "stop", and any value
	// that this version does not know: a person must decide.
	OnCrash string `json:"on_crash,omitempty"`
	// Undo is the record of the step's undo; nil if the step cannot be undone, or
	// has not completed yet. After a step was undone, it stays until the step
	// completes again.
	Undo *UndoRecord `json:"undo,omitempty"`

	unknown unknown
}

// MaxEarlierErrors is how many errors of earlier attempts a record keeps.
const MaxEarlierErrors = 3

// AttemptError is the error of a failed attempt of a step.
type AttemptError struct {
	Attempt int    `json:"attempt"`
	At      Time   `json:"at"`
	Error   string `json:"error"`

	unknown unknown
}

// OnCrashStop is the value of [StepRecord.OnCrash] that makes a job whose process
// died in the middle of the step fail until a person decides how it continues.
const OnCrashStop = "stop"

// WasUndone reports whether the step has been undone, and has not completed
// again since.
func (r StepRecord) WasUndone() bool {
	return !r.Status.Done() && r.Undo != nil && r.Undo.Status == StepCompleted
}

// Crashed reports whether the process died in the middle of the step's latest
// attempt. An attempt that was interrupted by a hand-over, or because its group
// failed, has returned and so has a FinishedAt; a crashed one has none.
func (r StepRecord) Crashed() bool {
	return r.Status == StepInterrupted && r.FinishedAt.IsZero()
}

// InDoubt reports whether a person must decide how the job continues: the process
// died in the middle of a step that must not simply run again.
func (r StepRecord) InDoubt() bool { return r.Crashed() && r.OnCrash != "" }

// Retrying reports whether the step has failed and waits for its next attempt.
func (r StepRecord) Retrying() bool { return r.Status == StepWaiting && !r.FinishedAt.IsZero() }

// UndoRecord is the record of one step's undo.
type UndoRecord struct {
	// Status is pending, running, interrupted, failed or completed.
	Status StepStatus `json:"status"`
	// Attempts counts how often the undo was begun.
	Attempts   int    `json:"attempts"`
	FinishedAt Time   `json:"finished_at,omitzero"`
	Error      string `json:"error,omitempty"`

	unknown unknown
}

// Checkpoint is the last checkpoint of a step that has begun and not completed. A
// job's checkpoint column holds one of them, or an array if several members of a
// group have one each.
type Checkpoint struct {
	Step  string          `json:"step"`
	Value json.RawMessage `json:"value"`
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

func (r StepRecord) errorSize() int {
	n := len(r.Error) + len(r.Stack)
	for _, earlier := range r.EarlierErrors {
		n += len(earlier.Error)
	}
	if r.Undo != nil {
		n += len(r.Undo.Error)
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

// Checkpoints are the last checkpoints of the steps that have begun and not
// completed, by the steps' names.
type Checkpoints map[string]json.RawMessage

// ParseCheckpoints reads a checkpoint column.
func ParseCheckpoints(raw json.RawMessage) (Checkpoints, error) {
	raw = trim(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	list := make([]Checkpoint, 1)
	into := any(&list[0])
	if raw[0] == '[' {
		into = &list
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, fmt.Errorf("read the recorded checkpoint: %w", err)
	}
	checkpoints := make(Checkpoints, len(list))
	for _, c := range list {
		checkpoints[c.Step] = c.Value
	}
	return checkpoints, nil
}

// JSON returns the checkpoints as they are written to the column; nil if there are
// none.
func (c Checkpoints) JSON() (json.RawMessage, error) {
	list := make([]Checkpoint, 0, len(c))
	for _, step := range slices.Sorted(maps.Keys(c)) {
		list = append(list, Checkpoint{Step: step, Value: c[step]})
	}
	switch len(list) {
	case 0:
		return nil, nil
	case 1:
		return json.Marshal(list[0])
	default:
		return json.Marshal(list)
	}
}
