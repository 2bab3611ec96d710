package model

import (
	"encoding/json"

	"github.com/google/uuid"
)

// ChildResult is how a child has ended; one that was deleted before it ran counts
// as cancelled. Where the results of all do not fit the engine's bound for an
// output, they are left out, and the errors too if need be: the children's own
// rows have them.
type ChildResult struct {
	ID     uuid.UUID       `json:"id"`
	Type   string          `json:"type"`
	Status Status          `json:"status"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}
