package steps

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// Version sets the version of the step's output, 0 by default. Increase it when the type of
// the output changes so that old JSON would not decode, or would decode into something
// else: a renamed field would silently become zero. An output recorded under an older
// version needs a [Migrate] from that version. An output recorded under a newer version
// does not fit: the job fails before anything runs.
func Version(version int) Option {
	return func(s *stepSettings) { s.version = version }
}

// Migrate converts an output recorded under the [Version] from. Its result is the output
// of the next higher version that has a Migrate, or, if there is none, the output that the
// step returns now. So the chain grows at its end: for a version 3, keep the Migrate from 1
// and add one from 2; an output of version 1 then goes through both. If an output has an
// older version without a Migrate, or fn returns an error, the job fails before anything
// runs.
//
// The record is not changed; the output is converted each time it is read: by a later step,
// by [Undo], and by a dry run. So fn must have no effects.
func Migrate[Old, New any](from int, fn func(Old) (New, error)) Option {
	m := migration{from: from, old: reflect.TypeFor[Old](), out: reflect.TypeFor[New]()}
	if fn != nil {
		m.convert = func(raw json.RawMessage) (json.RawMessage, error) {
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

// migration converts an output of one version: a link in a step's chain of migrations.
type migration struct {
	from     int
	old, out reflect.Type
	convert  func(json.RawMessage) (json.RawMessage, error)
}

// sortMigrations sorts the chain by version, and returns its mistakes. out is the type of
// the step's output, None if it has none.
func (s *stepSettings) sortMigrations(out reflect.Type) (mistakes []error) {
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Errorf(format, args...)) }
	if s.version < 0 {
		wrong("its version %d is negative", s.version)
	}
	if out == noOutput.of && len(s.migrations) > 0 {
		wrong("has a Migrate, but no output")
		return mistakes
	}
	s.migrations = slices.Clone(s.migrations) // an option may be shared by steps
	slices.SortStableFunc(s.migrations, func(a, b migration) int { return a.from - b.from })
	for i, m := range s.migrations {
		next, into := out, "the step returns"
		if i+1 < len(s.migrations) {
			next, into = s.migrations[i+1].old, fmt.Sprintf("the Migrate from %d takes", s.migrations[i+1].from)
		}
		switch {
		case m.convert == nil:
			wrong("the function of its Migrate from %d is nil", m.from)
		case m.from < 0 || m.from >= s.version:
			wrong("has a Migrate from %d, which is not an older version than its own, %d", m.from, s.version)
		case i > 0 && s.migrations[i-1].from == m.from:
			wrong("has two Migrates from %d", m.from)
		case m.out != next && !acceptsAny(next):
			wrong("its Migrate from %d returns %v, but %s %v", m.from, m.out, into, next)
		}
	}
	return mistakes
}

// acceptsAny reports whether a value of t can hold JSON of another type on purpose.
func acceptsAny(t reflect.Type) bool {
	return t.Kind() == reflect.Interface || t.Kind() == reflect.Map || t == reflect.TypeFor[json.RawMessage]()
}

// read implements [plan.Step.Read]. It calls functions of the host, which may panic.
func (p *planned[In]) read(raw json.RawMessage, version int) (out json.RawMessage, err error) {
	defer func() {
		if value := recover(); value != nil {
			out, err = nil, fmt.Errorf("of version %d cannot be read: %w", version, plan.NewPanicError(value))
		}
	}()
	if out, err = p.migrate(raw, version); err != nil {
		return nil, err
	}
	if p.output.of == noOutput.of {
		return out, nil
	}
	if out == nil {
		return nil, fmt.Errorf("is missing: the step had no output when it was recorded, and returns a %v now", p.output.of)
	}
	if err := p.output.check(out); err != nil {
		return nil, fmt.Errorf("no longer decodes (recorded under version %d, now it is %d): %w", version, p.settings.version, explain(err))
	}
	return out, nil
}

// migrate returns a recorded output as the step returns it now.
func (p *planned[In]) migrate(raw json.RawMessage, version int) (json.RawMessage, error) {
	s := &p.settings
	if version == s.version || raw == nil {
		return raw, nil
	}
	at := slices.IndexFunc(s.migrations, func(m migration) bool { return m.from == version })
	switch {
	case version > s.version:
		return nil, fmt.Errorf("is of version %d, newer than the definition's %d: a newer program has written it", version, s.version)
	case at < 0:
		return nil, fmt.Errorf("is of version %d, and the definition has version %d: add a steps.Migrate from %d", version, s.version, version)
	}
	for _, m := range s.migrations[at:] {
		var err error
		if raw, err = m.convert(raw); err != nil {
			return nil, fmt.Errorf("of version %d cannot be migrated to version %d (Migrate from %d): %w", version, s.version, m.from, err)
		}
	}
	return raw, nil
}

// explain returns an error of encoding/json that names the field that does not decode.
func explain(err error) error {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return err
	}
	where := "it"
	if mismatch.Field != "" {
		where = fmt.Sprintf("field %q", mismatch.Field)
	}
	return fmt.Errorf("%s is a JSON %s, and a %v is wanted: %w", where, mismatch.Value, mismatch.Type, err)
}
