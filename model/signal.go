package model

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Signal is something from outside that a job's step waits for, or is going to.
// A job's signals column is an array of them in the order in which they came,
// the first of a name only.
type Signal struct {
	Name    string          `json:"name"`
	Payload json.RawMessage `json:"payload,omitempty"`
	SentBy  string          `json:"sent_by,omitempty"`
	SentAt  Time            `json:"sent_at"`

	// Existing is set on what sending a signal returns when one of that name
	// had come before: that one.
	Existing bool `json:"-"`

	unknown unknown
}

// Signals are what a job was sent.
type Signals []Signal

// ParseSignals reads a signals column.
func ParseSignals(raw json.RawMessage) (Signals, error) {
	if raw = trim(raw); len(raw) == 0 {
		return nil, nil
	}
	var signals Signals
	if err := json.Unmarshal(raw, &signals); err != nil {
		return nil, fmt.Errorf("read the job's signals: %w", err)
	}
	return signals, nil
}

// Without returns the signals but for one of that name which was sent at that
// time.
func (s Signals) Without(name string, sent Time) Signals {
	return slices.DeleteFunc(slices.Clone(s), func(one Signal) bool { return one.Name == name && one.SentAt.Equal(sent.Time) })
}

// Unused returns the signals but for those that these steps have used.
func (s Signals) Unused(records []StepRecord) Signals {
	for _, record := range records {
		if !record.SentAt.IsZero() {
			s = s.Without(record.Awaits, record.SentAt)
		}
	}
	return s
}

// ForgetUsed returns the signals, without the payloads of those that these steps have
// used: they are the steps' outputs.
func (s Signals) ForgetUsed(records []StepRecord) Signals {
	unused, out := s.Unused(records), slices.Clone(s)
	for i := range out {
		if unused.Find(out[i].Name) == nil {
			out[i].Payload = nil
		}
	}
	return out
}

// Find returns the signal of that name, or nil.
func (s Signals) Find(name string) *Signal {
	i := slices.IndexFunc(s, func(one Signal) bool { return one.Name == name })
	if i < 0 {
		return nil
	}
	return &s[i]
}
