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
	// Result is what the job ended with, if anything.
	Result json.RawMessage `json:"result,omitempty"`
}

// StepRecord is what is known of one step.
type StepRecord struct {
	Name   string     `json:"name"`
	Status StepStatus `json:"status"`
	Weight float64    `json:"weight,omitempty"`
	// Attempts counts how often the step was begun, over all runs of the job.
	Attempts   int  `json:"attempts,omitempty"`
	StartedAt  Time `json:"started_at,omitzero"`
	FinishedAt Time `json:"finished_at,omitzero"`
	// DurationMS is the time the ended attempt took, in milliseconds.
	DurationMS int64 `json:"duration_ms,omitempty"`
	// Output is the step's product, present on completed steps that have one.
	Output json.RawMessage `json:"output,omitempty"`
	Error  string          `json:"error,omitempty"`
	// SetsResult says that this step has set the job's result.
	SetsResult bool `json:"sets_result,omitempty"`
}

// Cursor is the document in a job's cursor column: the last checkpoint of the
// step under way.
type Cursor struct {
	Step  string          `json:"step"`
	Value json.RawMessage `json:"value"`
}

// envelopeKeys are the keys of a Data document. An object with "input" and no
// key beside these is one; anything else is an input of its own.
var envelopeKeys = []string{"input", "steps", "result"}

// ParseData reads a data column. A document that is not of the form of [Data],
// written by another producer, is taken whole as the input.
func ParseData(raw json.RawMessage) (Data, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return Data{Input: json.RawMessage("null")}, nil
	}
	if !json.Valid(raw) {
		return Data{}, fmt.Errorf("data is not JSON")
	}
	if !isEnvelope(raw) {
		return Data{Input: raw}, nil
	}
	var d Data
	if err := json.Unmarshal(raw, &d); err != nil {
		return Data{}, fmt.Errorf("read data: %w", err)
	}
	return d, nil
}

func isEnvelope(raw json.RawMessage) bool {
	if raw[0] != '{' {
		return false
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		return false
	}
	if _, ok := keys["input"]; !ok {
		return false
	}
	for key := range keys {
		if !slices.Contains(envelopeKeys, key) {
			return false
		}
	}
	return true
}

// JSON returns the document as it is written to the data column.
func (d Data) JSON() (json.RawMessage, error) {
	if len(d.Input) == 0 {
		d.Input = json.RawMessage("null")
	}
	if d.Steps == nil {
		d.Steps = []StepRecord{}
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write data: %w", err)
	}
	return raw, nil
}

// Step returns the index of the record of that name, or -1.
func (d Data) Step(name string) int {
	return slices.IndexFunc(d.Steps, func(r StepRecord) bool { return r.Name == name })
}

// Interrupt marks the steps recorded as running as interrupted: their process
// is gone. It reports whether there was one.
func (d Data) Interrupt() bool {
	found := false
	for i := range d.Steps {
		if d.Steps[i].Status == StepRunning {
			d.Steps[i].Status = StepInterrupted
			found = true
		}
	}
	return found
}
