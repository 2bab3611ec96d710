package steps

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Step is a step with an output of type Out. [Add] returns it; later steps read the
// output with [Step.Output].
type Step[In, Out any] struct{ name string }

// Scope is a list to which steps can be appended: a [Definition], or a [Group] of it.
type Scope[In any] interface {
	add(planned[In])
	mistake(format string, args ...any)
}

// None is the output type of a step without an output, for the functions given to [Undo]
// and [Verify].
type None struct{}

// Tx is the transaction of an [InTx] step, on the engine's database.
type Tx = bun.Tx

// Add appends a step with an output of type Out. The name identifies the step in the
// job's record: it must be unique within the definition, and must not change while jobs
// that have run the step can still be resumed (but see [WasNamed]).
//
// The output is recorded as JSON and must not exceed the engine's limit for outputs, 64
// KiB by default. Store a larger result elsewhere (in a file, an object store, a table)
// and return its address.
func Add[In, Out any](d Scope[In], name string, fn func(context.Context, *Run[In]) (Out, error), opts ...Option) *Step[In, Out] {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, work[In]{run: func(ctx context.Context, run *Run[In]) (json.RawMessage, error) {
		out, err := fn(ctx, run)
		if err != nil {
			return nil, err
		}
		return marshalOutput(out)
	}}, name, outputOf[Out](), opts)
	return &Step[In, Out]{name: name}
}

// Do appends a step without an output. See [Add] for the name.
func Do[In any](d Scope[In], name string, fn func(context.Context, *Run[In]) error, opts ...Option) {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, work[In]{run: func(ctx context.Context, run *Run[In]) (json.RawMessage, error) {
		return nil, fn(ctx, run)
	}}, name, noOutput, opts)
}

// InTx appends a step whose own writes and whose record commit in one transaction on the
// engine's database: they take effect exactly once, or not at all. They do not take
// effect if the function returns an error or panics, if its context ends before the
// commit, or if the job's lease was lost. This holds for writes with the given
// transaction; any other effect of the function happens at least once, as in any step. If
// the result of the commit is in doubt because the connection broke, the engine finds out
// whether it took effect. A transaction that the database rejects is a failed attempt
// like any other: see [Retry].
//
// The function must not commit, roll back or keep the transaction, and has no
// checkpoints. Keep it short: no progress of the job is written while it runs.
//
// On SQLite no other transaction can write while the function runs: a request to cancel
// the job waits, and leases cannot be renewed. If the function works until the lease
// expires, its transaction is rolled back and the step fails. On SQLite the application
// should have a single connection; using another connection in the function then waits
// forever.
func InTx[In, Out any](d Scope[In], name string, fn func(context.Context, Tx, *Run[In]) (Out, error), opts ...Option) *Step[In, Out] {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, work[In]{tx: func(ctx context.Context, tx Tx, run *Run[In]) (json.RawMessage, error) {
		out, err := fn(ctx, tx, run)
		if err != nil {
			return nil, err
		}
		return marshalOutput(out)
	}}, name, outputOf[Out](), opts)
	return &Step[In, Out]{name: name}
}

// Name returns the step's name.
func (s *Step[In, Out]) Name() string { return s.name }

// Output returns the step's output in this job, read from its record: the same value
// whether the step ran a moment ago or before a crash. It returns the zero Out if the
// step was skipped, or has not run yet because run belongs to an earlier step.
func (s *Step[In, Out]) Output(run *Run[In]) Out {
	var out Out
	if raw, ok := run.session.Output(s.name); ok {
		// Cannot fail: a record that does not decode is found before anything runs.
		_ = json.Unmarshal(raw, &out)
	}
	return out
}

// addStep appends a step with its options.
func addStep[In any](d Scope[In], w work[In], name string, out output, opts []Option) {
	s := settingsOf(opts)
	p := planned[In]{name: name, work: w, settings: s, output: out}
	d.add(p)
}

func (p *planned[In]) mistakes() (found []error) {
	wrong := func(format string, args ...any) {
		found = append(found, fmt.Errorf("step %q: "+format, append([]any{p.name}, args...)...))
	}
	s := p.settings
	if s.timeout < 0 {
		wrong("its timeout %v is negative", s.timeout)
	}
	if s.retry.Attempts < 0 || s.retry.First < 0 || s.retry.Max < 0 {
		wrong("Retry(%d, %v) with MaxDelay(%v) has a negative part", s.retry.Attempts, s.retry.First, s.retry.Max)
	} else if s.retry.Max < s.retry.First {
		wrong("the first delay of its Retry, %v, is longer than its MaxDelay, %v", s.retry.First, s.retry.Max)
	}
	for _, mistake := range s.mistakes {
		wrong("%s", mistake)
	}
	plain := p.work.run != nil || p.work.tx != nil
	if p.group != nil && !plain {
		wrong("a step that waits cannot be a member of a group")
	}
	if (s.stopOnCrash || s.verify != nil) && !plain {
		wrong("a step that waits cannot have StopOnCrash or Verify")
	}
	if s.stopOnCrash && s.verify != nil {
		wrong("has both StopOnCrash and Verify")
	}
	if s.allowFailures && p.work.children == nil {
		wrong("only a step with child jobs can have AllowFailures")
	}
	if s.retry.Attempts > 0 && !plain {
		wrong("a step that waits cannot have Retry")
	}
	if s.timeout > 0 && (p.work.sleep != nil || p.work.until != nil) {
		wrong("a step that sleeps cannot have Timeout")
	}
	if nothing := model.KeepsNothing(p.output.of); nothing != nil {
		wrong("its output has a %v, of which JSON keeps nothing: export its fields, or give it MarshalJSON and UnmarshalJSON", nothing)
	}
	for _, mistake := range p.settings.sortMigrations(p.output.of) {
		wrong("%w", mistake)
	}
	return append(found, p.bindOptions()...)
}
