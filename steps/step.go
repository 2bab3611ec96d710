package steps

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
)

// Step is a step that produces an Out, as [Add] returns it; later steps read
// its product with [Step.Output].
type Step[In, Out any] struct{ name string }

// Scope is what steps are appended to: a [Definition], or a [Group] of it.
type Scope[In any] interface {
	add(planned[In])
	mistake(format string, args ...any)
}

// None is the output of a step that has none, for the function given to [Undo].
type None struct{}

// Tx is the transaction of an [InTx] step, on the engine's database.
type Tx = bun.Tx

// Add appends a step that produces an Out. The name is the step's identity in
// the job's record: unique within the definition, and not to be changed while
// jobs that have run it can still be resumed (see [WasNamed]). The product is
// recorded as JSON and must fit the engine's bound for outputs (64 KiB by
// default): what is larger is stored where it belongs, and its address is the
// output.
func Add[In, Out any](d Scope[In], name string, fn func(context.Context, *Run[In]) (Out, error), opts ...Option) *Step[In, Out] {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, kinds[In]{run: func(ctx context.Context, run *Run[In]) (json.RawMessage, error) {
		out, err := fn(ctx, run)
		if err != nil {
			return nil, err
		}
		return marshalOutput(out)
	}}, name, outputOf[Out](), opts)
	return &Step[In, Out]{name: name}
}

// Do appends a step that produces nothing. See [Add] for the name.
func Do[In any](d Scope[In], name string, fn func(context.Context, *Run[In]) error, opts ...Option) {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, kinds[In]{run: func(ctx context.Context, run *Run[In]) (json.RawMessage, error) {
		return nil, fn(ctx, run)
	}}, name, noOutput, opts)
}

// InTx appends a step whose own writes and whose record commit in one
// transaction of the engine's database: they happen exactly once, or not at all.
// They do not happen when the function returns an error or panics, when its
// context ends before the commit, or when the job's lease was lost. That holds
// for what is written with the transaction given; what the function does
// elsewhere is at-least-once as in any step. If the answer to the commit is
// lost, the engine finds out whether it took effect. A transaction that the
// database refuses is a failed attempt like others: see [Retry].
//
// The function must not commit, roll back or keep the transaction, and has no
// checkpoints: it is short. Meanwhile no progress of the job is written. On
// SQLite nobody else can write meanwhile, a request to cancel the job among that,
// nor can leases be renewed: a function that works until the lease runs out has its
// transaction rolled back, and the step fails. And where the application has a
// single connection, as it should there, to use another one in it is to wait for
// ever.
func InTx[In, Out any](d Scope[In], name string, fn func(context.Context, Tx, *Run[In]) (Out, error), opts ...Option) *Step[In, Out] {
	if fn == nil {
		d.mistake("step %q: its function is nil", name)
	}
	addStep(d, kinds[In]{tx: func(ctx context.Context, tx Tx, run *Run[In]) (json.RawMessage, error) {
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

// Output returns what the step produced in this job, read from its record: the
// same value whether the step ran a moment ago or before a crash. It is the
// zero Out in a step that comes before this one, and of a step that was skipped.
func (s *Step[In, Out]) Output(run *Run[In]) Out {
	var out Out
	if raw, ok := run.session.Output(s.name); ok {
		// A record that does not decode is found before anything runs.
		_ = json.Unmarshal(raw, &out)
	}
	return out
}

// addStep appends a step, and keeps the mistakes in its options.
func addStep[In any](d Scope[In], does kinds[In], name string, out output, opts []Option) {
	s := settingsOf(opts)
	p := planned[In]{name: name, does: does, settings: s, output: out}
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
		wrong("its retry of %d attempts, from %v up to %v, has a negative part", s.retry.Attempts, s.retry.First, s.retry.Max)
	} else if s.retry.Max < s.retry.First {
		wrong("the first delay of its retry, %v, is longer than its longest, %v", s.retry.First, s.retry.Max)
	}
	for _, mistake := range s.mistakes {
		wrong("%s", mistake)
	}
	plain := p.does.run != nil || p.does.tx != nil
	if p.group != nil && !plain {
		wrong("a step that waits cannot be the member of a group")
	}
	if (s.stop || s.verify != nil) && !plain {
		wrong("StopOnCrash and Verify are for steps that do something")
	}
	if s.stop && s.verify != nil {
		wrong("has both StopOnCrash and Verify")
	}
	if s.allowFailures && p.does.children == nil {
		wrong("AllowFailures is for steps with children")
	}
	if s.retry.Attempts > 0 && !plain {
		wrong("a step that waits is not retried")
	}
	if s.timeout > 0 && (p.does.sleep != nil || p.does.until != nil) {
		wrong("a step that sleeps has no timeout beside its time")
	}
	if nothing := model.KeepsNothing(p.output.of); nothing != nil {
		wrong("its output has a %v, of which JSON keeps nothing: export its fields, or give it MarshalJSON and UnmarshalJSON", nothing)
	}
	for _, mistake := range p.settings.sortMigrations(p.output.of) {
		wrong("%w", mistake)
	}
	return append(found, p.bindOptions()...)
}
