package steps

import (
	"context"
	"encoding/json"
	"fmt"
)

// Step is a step that produces an Out, as [Add] returns it; later steps read
// its product with [Step.Output].
type Step[In, Out any] struct{ name string }

// Option is an option of [Add] and [Do].
type Option func(*stepSettings)

type stepSettings struct{ weight float64 }

// Weight sets the step's share of the job's progress, relative to the other
// steps' weights: a positive number, 1 by default.
func Weight(weight float64) Option {
	return func(s *stepSettings) { s.weight = weight }
}

// Add appends a step that produces an Out. The name is the step's identity in
// the job's record: unique within the definition, and not to be changed while
// jobs that have run it can still be resumed. The product is recorded as JSON
// and must fit the engine's bound for outputs (64 KiB by default): what is
// larger is stored where it belongs, and its address is the output.
func Add[In, Out any](d *Definition[In], name string, fn func(context.Context, *Run[In]) (Out, error), opts ...Option) *Step[In, Out] {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	d.add(planned[In]{
		name:   name,
		weight: settingsOf(opts).weight,
		run: func(c *call[In]) (json.RawMessage, error) {
			out, err := fn(c.ctx, c.run)
			if err != nil {
				return nil, err
			}
			raw, err := json.Marshal(out)
			if err != nil {
				return nil, fmt.Errorf("write its output as JSON: %w", err)
			}
			return raw, nil
		},
		check: func(raw json.RawMessage) error {
			return json.Unmarshal(raw, new(Out))
		},
	})
	return &Step[In, Out]{name: name}
}

// Do appends a step that produces nothing. See [Add] for the name.
func Do[In any](d *Definition[In], name string, fn func(context.Context, *Run[In]) error, opts ...Option) {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	d.add(planned[In]{
		name:   name,
		weight: settingsOf(opts).weight,
		run: func(c *call[In]) (json.RawMessage, error) {
			return nil, fn(c.ctx, c.run)
		},
		check: func(json.RawMessage) error { return nil },
	})
}

func settingsOf(opts []Option) stepSettings {
	s := stepSettings{weight: 1}
	for _, opt := range opts {
		opt(&s)
	}
	return s
}

// Name returns the step's name.
func (s *Step[In, Out]) Name() string { return s.name }

// Output returns what the step produced in this job, read from its record: the
// same value whether the step ran a moment ago or before a crash. It is the
// zero Out in a step that comes before this one.
func (s *Step[In, Out]) Output(run *Run[In]) Out {
	var out Out
	if raw, ok := run.session.Output(s.name); ok {
		// A record that does not decode is found before anything runs.
		_ = json.Unmarshal(raw, &out)
	}
	return out
}
