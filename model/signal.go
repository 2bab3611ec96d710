package model

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Signal is a message from outside that a step of a job waits for, or will wait for.
// A job's signals column is an array of them in the order in which they arrived. Of
// several signals with one name only the first is stored.
type Signal struct {
	Name    string          `json:"name"`
	Payload json.RawMessage `json:"payload,omitempty"`
	SentBy  string          `json:"sent_by,omitempty"`
	SentAt  Time            `json:"sent_at"`

	// Existing is set when a signal of that name had already arrived, and sending
	// returned that one instead of storing another.
	Existing bool `json:"-"`

	unknown unknown
}

// Signals are the signals that were sent to a job, oldest first, also those that a
// step has used.
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

// Without returns the signals except the one of that name that was sent at that
// time.
func (s Signals) Without(name string, sent Time) Signals {
	return slices.DeleteFunc(slices.Clone(s), func(one Signal) bool { return one.Name == name && one.SentAt.Equal(sent.Time) })
}

// Unused returns the signals except those that these steps have used. A record names
// the signal that its step used in Awaits and SentAt.
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

// Find returns a pointer to the signal of that name in s, or nil.
func (s Signals) Find(name string) *Signal {
	i := slices.IndexFunc(s, func(one Signal) bool { return one.Name == name })
	if i < 0 {
		return nil
	}
	return &s[i]
}
