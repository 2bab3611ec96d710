package model

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// unknown are the keys of an object that a newer version of this module has
// written and this one does not know. They stay with the object for as long as
// there is one: what reads a document and writes it again keeps them.
type unknown map[string]json.RawMessage

// beside writes an object, which has a key at least, with these keys behind its
// own.
func (u unknown) beside(object any) ([]byte, error) {
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

// size is about the number of bytes that these keys take.
func (u unknown) size() (n int) {
	for key, value := range u {
		n += len(key) + len(value)
	}
	return n
}

// unknownTo returns what an object has beside the keys of T, nil for nothing.
func unknownTo[T any](raw json.RawMessage) unknown {
	var keys unknown
	if json.Unmarshal(raw, &keys) != nil {
		return nil // no object: then whatever decodes it as one says so
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

// decodeKnown decodes a document, and fails if a part of it is unknown.
func decodeKnown(raw json.RawMessage, d *Data) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(d)
}

// decodeAll decodes a document with all that is unknown in it.
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
		_ = json.Unmarshal(raw, &part) // it has been decoded before
		r.Undo.unknown = unknownTo[UndoRecord](part.Undo)
	}
}

// JSON returns the record as it is written.
func (r StepRecord) JSON() (json.RawMessage, error) {
	type plain StepRecord
	return r.unknown.beside(plain(r))
}

// encode writes the document with all its keys. A record's own MarshalJSON, whose
// outcome encoding/json reads through once more, is left to documents that have
// something unknown in a record.
func (d Data) encode() (json.RawMessage, error) {
	type (
		plain  Data
		record StepRecord
	)
	has := func(r StepRecord) bool { return r.unknown != nil }
	if slices.ContainsFunc(d.Steps, has) || slices.ContainsFunc(d.History, has) {
		return d.unknown.beside(plain(d))
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
	return d.unknown.beside(known)
}

// MarshalJSON is JSON, for encoding/json.
func (d Data) MarshalJSON() ([]byte, error) { return d.JSON() }

// MarshalJSON is JSON, for encoding/json.
func (r StepRecord) MarshalJSON() ([]byte, error) { return r.JSON() }

// MarshalJSON writes the record with all its keys.
func (p PlanRecord) MarshalJSON() ([]byte, error) {
	type plain PlanRecord
	return p.unknown.beside(plain(p))
}

// MarshalJSON writes the record with all its keys.
func (u Undoing) MarshalJSON() ([]byte, error) {
	type plain Undoing
	return u.unknown.beside(plain(u))
}

// MarshalJSON writes the record with all its keys.
func (u UndoRecord) MarshalJSON() ([]byte, error) {
	type plain UndoRecord
	return u.unknown.beside(plain(u))
}

// MarshalJSON writes the signal with all its keys.
func (s Signal) MarshalJSON() ([]byte, error) {
	type plain Signal
	return s.unknown.beside(plain(s))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Signal) UnmarshalJSON(raw []byte) error {
	type plain Signal
	if err := json.Unmarshal(raw, (*plain)(s)); err != nil {
		return err
	}
	s.unknown = unknownTo[Signal](raw)
	return nil
}
