package model

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Checkpoint is the last checkpoint of a step that has begun and not completed. A
// job's checkpoint column holds one of them, or an array if several members of a
// group have one each.
type Checkpoint struct {
	Step  string          `json:"step"`
	Value json.RawMessage `json:"value"`
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
