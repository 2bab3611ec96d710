package model

import (
	"encoding/json"

	"github.com/google/uuid"
)

// ChildResult describes how a child job has ended. A child that was deleted before
// it ran counts as cancelled. If the results of all children together exceed the
// engine's limit for an output, Result is left out, and Error too if necessary, and
// Omitted is set: the children's own rows have both, and steps.ChildResults reads them.
type ChildResult struct {
	ID     uuid.UUID       `json:"id"`
	Type   string          `json:"type"`
	Status Status          `json:"status"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
	// Omitted says that the child has a Result or an Error which is not here.
	Omitted bool `json:"omitted,omitempty"`
}
