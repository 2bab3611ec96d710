package model

import (
	"encoding/json"
	"fmt"
)

// Decision is how a running job was declared to end, from outside of its steps. It is in
// the job's column decision from then on.
type Decision struct {
	Status Status `json:"status"` // succeeded or failed
	// Error is the reason of a job that was declared failed.
	Error  string          `json:"error,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
}

// ParseDecision reads a decision column. It returns nil for an empty one.
func ParseDecision(raw json.RawMessage) (*Decision, error) {
	if raw = trim(raw); len(raw) == 0 {
		return nil, nil
	}
	var d Decision
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("read decision: %w", err)
	}
	return &d, nil
}

// JSON returns the decision as it is written to its column.
func (d Decision) JSON() (json.RawMessage, error) {
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write decision: %w", err)
	}
	return raw, nil
}

// Message is the message of a job that has ended in this way.
func (d Decision) Message() string { return "declared " + string(d.Status) }
