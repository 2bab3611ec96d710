package model

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// unknown holds the keys of an object that a newer version of this module has
// written and this version does not know. They stay with the object, so that a
// program that reads a document and writes it again keeps them.
type unknown map[string]json.RawMessage

// encode returns an object as JSON, with these keys after its own. The object must
// have at least one key.
func (u unknown) encode(object any) ([]byte, error) {
	raw, err := json.Marshal(object)
	if err != nil || len(u) == 0 {
		return raw, err
	}
	rest, err := json.Marshal(map[string]json.RawMessage(u))
	if err != nil {
		return nil, err
	}
	raw[len(raw)-1] = ','
	return append(raw, rest[1:]...), nil
}

// size returns the approximate size of these keys and their values, in bytes.
func (u unknown) size() (n int) {
	for key, value := range u {
		n += len(key) + len(value)
	}
	return n
}

// unknownTo returns the keys of an object that T does not have; nil if there are
// none.
func unknownTo[T any](raw json.RawMessage) unknown {
	var keys unknown
	if json.Unmarshal(raw, &keys) != nil {
		return nil // not an object: decoding it into a T reports that
	}
	for field := range reflect.TypeFor[T]().Fields() {
		if key, _, _ := strings.Cut(field.Tag.Get("json"), ","); field.IsExported() && key != "-" {
			delete(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return keys
}

// decodeKnown decodes a document, and returns an error if it has an unknown key.
func decodeKnown(raw json.RawMessage, d *Data) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(d)
}

// decodeAll decodes a document and keeps the unknown keys of all its objects.
func decodeAll(raw json.RawMessage, d *Data) error {
	var parts struct {
		Plan, Undoing  json.RawMessage
		Steps, History []json.RawMessage
	}
	if err := json.Unmarshal(raw, d); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return err
	}
	d.unknown = unknownTo[Data](raw)
	if d.Plan != nil {
		d.Plan.unknown = unknownTo[PlanRecord](parts.Plan)
	}
	if d.Undoing != nil {
		d.Undoing.unknown = unknownTo[Undoing](parts.Undoing)
	}
	for i := range d.Steps {
		d.Steps[i].keepUnknown(parts.Steps[i])
	}
	for i := range d.History {
		d.History[i].keepUnknown(parts.History[i])
	}
	return nil
}

func (r *StepRecord) keepUnknown(raw json.RawMessage) {
	r.unknown = unknownTo[StepRecord](raw)
	if r.Undo != nil {
		var part struct{ Undo json.RawMessage }
		_ = json.Unmarshal(raw, &part) // cannot fail: raw was decoded before
		r.Undo.unknown = unknownTo[UndoRecord](part.Undo)
	}
}

// JSON returns the record as it is written to the database.
func (r StepRecord) JSON() (json.RawMessage, error) {
	type plain StepRecord
	return r.unknown.encode(plain(r))
}

// encode returns the document as JSON with all its keys. It calls a record's own
// MarshalJSON only if a record has unknown keys: encoding/json would parse the
// result of each call a second time.
func (d Data) encode() (json.RawMessage, error) {
	type (
		plain  Data
		record StepRecord
	)
	has := func(r StepRecord) bool { return r.unknown != nil }
	if slices.ContainsFunc(d.Steps, has) || slices.ContainsFunc(d.History, has) {
		return d.unknown.encode(plain(d))
	}
	known := struct {
		plain
		Steps   []record `json:"steps"`
		History []record `json:"history,omitempty"`
	}{plain(d), make([]record, len(d.Steps)), make([]record, len(d.History))}
	for i, r := range d.Steps {
		known.Steps[i] = record(r)
	}
	for i, r := range d.History {
		known.History[i] = record(r)
	}
	return d.unknown.encode(known)
}

// MarshalJSON returns the same as [Data.JSON].
func (d Data) MarshalJSON() ([]byte, error) { return d.JSON() }

// MarshalJSON returns the same as [StepRecord.JSON].
func (r StepRecord) MarshalJSON() ([]byte, error) { return r.JSON() }

// MarshalJSON returns the record with all its keys, also unknown ones.
func (p PlanRecord) MarshalJSON() ([]byte, error) {
	type plain PlanRecord
	return p.unknown.encode(plain(p))
}

// MarshalJSON returns the record with all its keys, also unknown ones.
func (u Undoing) MarshalJSON() ([]byte, error) {
	type plain Undoing
	return u.unknown.encode(plain(u))
}

// MarshalJSON returns the record with all its keys, also unknown ones.
func (u UndoRecord) MarshalJSON() ([]byte, error) {
	type plain UndoRecord
	return u.unknown.encode(plain(u))
}

// MarshalJSON returns the signal with all its keys, also unknown ones.
func (s Signal) MarshalJSON() ([]byte, error) {
	type plain Signal
	return s.unknown.encode(plain(s))
}

// UnmarshalJSON reads what MarshalJSON returns, and keeps unknown keys.
func (s *Signal) UnmarshalJSON(raw []byte) error {
	type plain Signal
	if err := json.Unmarshal(raw, (*plain)(s)); err != nil {
		return err
	}
	s.unknown = unknownTo[Signal](raw)
	return nil
}

// MarshalJSON returns the error with all its keys, also unknown ones.
func (e AttemptError) MarshalJSON() ([]byte, error) {
	type plain AttemptError
	return e.unknown.encode(plain(e))
}

// UnmarshalJSON reads what MarshalJSON returns, and keeps unknown keys.
func (e *AttemptError) UnmarshalJSON(raw []byte) error {
	type plain AttemptError
	if err := json.Unmarshal(raw, (*plain)(e)); err != nil {
		return err
	}
	e.unknown = unknownTo[AttemptError](raw)
	return nil
}
