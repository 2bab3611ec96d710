package model

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
)

// CheckReadsBack reports why raw, which a value of type t was written as, does not read
// back into that type as what it was: a type with a MarshalJSON method only, or an
// interface with methods such as error. It calls the type's own methods, which may
// panic. A type that keeps nothing is another matter: see [KeepsNothing].
func CheckReadsBack(t reflect.Type, raw json.RawMessage) error {
	if t == nil { // of nil
		return nil
	}
	back := reflect.New(t)
	if err := json.Unmarshal(raw, back.Interface()); err != nil {
		return fmt.Errorf("is written as JSON and does not read back into a %v: %w", t, err)
	}
	again, err := json.Marshal(back.Elem().Interface())
	if err != nil {
		return fmt.Errorf("is written as JSON and, read back into a %v, cannot be written again: %w", t, err)
	}
	if !bytes.Equal(raw, again) && !sameJSON(raw, again) {
		return fmt.Errorf("is written as JSON and reads back into a %v as something else (has the type an UnmarshalJSON method?): as %s, and then as %s",
			t, CutText(string(raw), shownJSON), CutText(string(again), shownJSON))
	}
	return nil
}

// shownJSON is how many characters of a value an error shows.
const shownJSON = 100

// sameJSON reports whether two JSON texts have the same value.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// KeepsNothing returns the first struct type in t of which JSON keeps nothing, since
// it has fields and none is exported; nil if there is none. Types that write
// themselves, and the values of interfaces, are not looked into.
func KeepsNothing(t reflect.Type) reflect.Type {
	return keepsNothing(t, make(map[reflect.Type]bool))
}

func keepsNothing(t reflect.Type, seen map[reflect.Type]bool) reflect.Type {
	if t == nil || seen[t] || writesItself(t) {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return keepsNothing(t.Elem(), seen)
	case reflect.Struct:
		return structKeepsNothing(t, seen)
	default:
		return nil
	}
}

func structKeepsNothing(t reflect.Type, seen map[reflect.Type]bool) reflect.Type {
	kept := 0
	for field := range t.Fields() {
		if !field.IsExported() && !field.Anonymous || field.Tag.Get("json") == "-" {
			continue
		}
		kept++
		if nothing := keepsNothing(field.Type, seen); nothing != nil {
			return nothing
		}
	}
	if kept == 0 && t.NumField() > 0 {
		return t
	}
	return nil
}

func writesItself(t reflect.Type) bool {
	for _, one := range []reflect.Type{t, reflect.PointerTo(t)} {
		if one.Implements(jsonMarshaler) || one.Implements(textMarshaler) {
			return true
		}
	}
	return false
}
