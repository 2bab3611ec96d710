package steps

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
)

// Version numbers the shape of the step's output, 0 by default. Change it with
// the output's type where the old JSON would not decode, or would decode into
// something else: a renamed field is zero then, and nobody can tell. An output
// that was recorded under an older version needs a [Migrate] from there; one
// under a newer version is refused.
func Version(version int) Option {
	return func(s *stepSettings) { s.version = version }
}

// Migrate turns an output that was recorded under an older [Version] into that
// of the next one which a Migrate is for, or into what the step produces now if
// there is none above it. So the chain grows at its end: a third version leaves
// the Migrate from 1 as it is and adds one from 2, and an output of version 1
// goes through both. Outputs of versions without a Migrate are refused before
// anything runs, as is one on which fn fails.
//
// The record keeps what it has; it is turned each time it is read: by later
// steps, by [Undo], and by a dry run. fn has no effects.
func Migrate[Old, New any](from int, fn func(Old) (New, error)) Option {
	m := migration{from: from, old: reflect.TypeFor[Old](), out: reflect.TypeFor[New]()}
	if fn != nil {
		m.turn = func(raw json.RawMessage) (json.RawMessage, error) {
			var old Old
			if err := json.Unmarshal(raw, &old); err != nil {
				return nil, explain(err)
			}
			now, err := fn(old)
			if err != nil {
				return nil, err
			}
			return marshalOutput(now)
		}
	}
	return func(s *stepSettings) { s.migrations = append(s.migrations, m) }
}

// migration is one link of a step's chain of migrations.
type migration struct {
	from     int
	old, out reflect.Type
	turn     func(json.RawMessage) (json.RawMessage, error)
}

// sortMigrations puts the chain in order, and returns its mistakes. out is the
// type of the step's output, that of None if it has none.
func (s *stepSettings) sortMigrations(out reflect.Type) (mistakes []error) {
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }
	if s.version < 0 {
		wrong("its version %d is negative", s.version)
	}
	if out == noOutput.of && len(s.migrations) > 0 {
		wrong("has a Migrate, and no output")
		return mistakes
	}
	s.migrations = slices.Clone(s.migrations) // an option may be shared by steps
	slices.SortStableFunc(s.migrations, func(a, b migration) int { return a.from - b.from })
	for i, m := range s.migrations {
		next, into := out, "the step produces"
		if i+1 < len(s.migrations) {
			next, into = s.migrations[i+1].old, fmt.Sprintf("the Migrate from %d takes", s.migrations[i+1].from)
		}
		switch {
		case m.turn == nil:
			wrong("the function of its Migrate from %d is nil", m.from)
		case m.from < 0 || m.from >= s.version:
			wrong("has a Migrate from %d, which is not an older version than its own, %d", m.from, s.version)
		case i > 0 && s.migrations[i-1].from == m.from:
			wrong("has two Migrates from %d", m.from)
		case m.out != next && !takesAny(next):
			wrong("its Migrate from %d makes %v, and %s %v", m.from, m.out, into, next)
		}
	}
	return mistakes
}

// takesAny reports whether JSON of another type may be meant to decode into it.
func takesAny(t reflect.Type) bool {
	return t.Kind() == reflect.Interface || t.Kind() == reflect.Map || t == reflect.TypeFor[json.RawMessage]()
}

// read is [plan.Step.Read]. The functions in it are the host's.
func (p *planned[In]) read(raw json.RawMessage, version int) (out json.RawMessage, err error) {
	defer func() {
		if value := recover(); value != nil {
			out, err = nil, fmt.Errorf("of version %d cannot be read: panic: %v\n\n%s", version, value, debug.Stack())
		}
	}()
	if out, err = p.migrate(raw, version); err != nil {
		return nil, err
	}
	if p.output.of == noOutput.of {
		return out, nil
	}
	if out == nil {
		return nil, fmt.Errorf("is missing: the step had none when it was recorded, and produces a %v now", p.output.of)
	}
	if err := p.output.check(out); err != nil {
		return nil, fmt.Errorf("no longer decodes (recorded under version %d, now it is %d): %w", version, p.settings.version, explain(err))
	}
	return out, nil
}

// migrate returns a recorded output as the step produces it now.
func (p *planned[In]) migrate(raw json.RawMessage, version int) (json.RawMessage, error) {
	s := &p.settings
	if version == s.version || raw == nil {
		return raw, nil
	}
	at := slices.IndexFunc(s.migrations, func(m migration) bool { return m.from == version })
	switch {
	case version > s.version:
		return nil, fmt.Errorf("is of version %d, newer than the definition's %d: another binary has written it", version, s.version)
	case at < 0:
		return nil, fmt.Errorf("is of version %d, and the definition has version %d: add a steps.Migrate from %d", version, s.version, version)
	}
	for _, m := range s.migrations[at:] {
		var err error
		if raw, err = m.turn(raw); err != nil {
			return nil, fmt.Errorf("of version %d cannot be turned into version %d (Migrate from %d): %w", version, s.version, m.from, err)
		}
	}
	return raw, nil
}

// explain names the field that does not decode.
func explain(err error) error {
	var misfit *json.UnmarshalTypeError
	if !errors.As(err, &misfit) {
		return err
	}
	where := "it"
	if misfit.Field != "" {
		where = fmt.Sprintf("field %q", misfit.Field)
	}
	return fmt.Errorf("%s is a JSON %s, and a %v is wanted: %w", where, misfit.Value, misfit.Type, err)
}
