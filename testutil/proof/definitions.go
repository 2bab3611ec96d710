package proof

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// Input is the input of the jobs of all kinds.
type Input struct {
	N int `json:"n"`
}

// Kind is a kind of definition, by what it has besides plain steps. The name of a type has
// its kind: "proof:each:7" is of the kind "each".
type Kind string

// The kinds. Jobs of all but ByHand continue by themselves after their process has died.
const (
	Plain    Kind = "plain"
	Each     Kind = "each"     // a step that checkpoints
	InTx     Kind = "intx"     // a step with its effect in its record's transaction
	Parallel Kind = "parallel" // a group, with a member that is InTx
	Retry    Kind = "retry"    // a step that fails twice
	Sleep    Kind = "sleep"    // a step that waits, for a moment
	Undo     Kind = "undo"     // fails at its end, and what it did is undone
	ByHand   Kind = "byhand"   // fails when its process has died: a person resumes it
)

// Kinds are all kinds.
func Kinds() []Kind { return []Kind{Plain, Each, InTx, Parallel, Retry, Sleep, Undo, ByHand} }

// Type returns a type of this kind. Types of one kind differ in the number.
func (k Kind) Type(n int) string { return fmt.Sprintf("proof:%s:%d", k, n) }

// KindOf returns the kind of a type.
func KindOf(jobType string) Kind {
	_, rest, _ := strings.Cut(jobType, ":")
	kind, _, _ := strings.Cut(rest, ":")
	return Kind(kind)
}

// Types returns the types of all kinds with this number.
func Types(n int) (types []string) {
	for _, kind := range Kinds() {
		types = append(types, kind.Type(n))
	}
	return types
}

const (
	// Items is the number of items of the step of the kind Each, and checkpointEvery the
	// number of items between two checkpoints.
	Items           = 12
	checkpointEvery = 3
	// failures is how often the step of the kind Retry fails.
	failures = 2
	// nap is how long the step of the kind Sleep waits.
	nap = 30 * time.Millisecond
)

// errAsked is the error of the last step of the kind Undo.
var errAsked = errors.New("as was asked for")

// define makes the definition of a type, whose steps are noted in a ledger.
func define(jobType string, ledger *Ledger) *steps.Definition[Input] {
	opts := []steps.DefineOption{steps.Type(jobType), steps.UndoOn(model.Failed)}
	kind := KindOf(jobType)
	if kind != ByHand {
		opts = append(opts, steps.ResumeOnCrash(1<<20))
	}
	d := steps.Define[Input](opts...)
	add := func(to steps.Scope[Input], name string, fn work, opts ...steps.Option) *steps.Step[Input, int] {
		return steps.Add(to, name, ledger.noted(fn), opts...)
	}
	// A transaction that is interrupted is a failed attempt.
	again := steps.Retry(1<<20, 10*time.Millisecond, steps.MaxDelay(time.Second))
	first := add(d, "first", plus(1), undone(ledger, kind)...)
	switch kind {
	case Each:
		add(d, "items", func(ctx context.Context, run *steps.Run[Input]) (int, error) {
			return steps.Each(ctx, run, numbers, func(context.Context, int) error { return nil }, steps.CheckpointEvery(checkpointEvery))
		})
	case InTx:
		steps.InTx(d, "effect", ledger.notedInTx(effect), again)
	case Parallel:
		both := steps.Parallel(d, "both")
		add(both, "left", plus(10))
		add(both, "right", plus(20))
		steps.InTx(both, "effect", ledger.notedInTx(effect), again)
	case Retry:
		add(d, "flaky", func(_ context.Context, run *steps.Run[Input]) (int, error) {
			if run.Attempt() <= failures {
				return 0, errors.New("not yet")
			}
			return run.Input().N, nil
		}, steps.Retry(1<<20, time.Millisecond, steps.MaxDelay(20*time.Millisecond)))
	case Sleep:
		steps.Sleep(d, "nap", nap)
	case Undo:
		steps.InTx(d, "effect", ledger.notedInTx(effect), again)
	default:
		add(d, "second", plus(2))
	}
	add(d, "last", func(_ context.Context, run *steps.Run[Input]) (int, error) {
		if kind == Undo {
			return 0, errAsked
		}
		sum := first.Output(run) + 100
		return sum, run.SetResult(sum)
	})
	return d
}

// undone adds the undo of a step, in the kind Undo.
func undone(ledger *Ledger, kind Kind) []steps.Option {
	if kind != Undo {
		return nil
	}
	return []steps.Option{steps.Undo(func(_ context.Context, run *steps.Run[Input], _ int) error {
		e := entry(run, StepBegan)
		e.Step = "undo " + e.Step
		ledger.note(e)
		e.What = StepEnded
		ledger.note(e)
		return nil
	})}
}

// work is what a step does.
type work func(context.Context, *steps.Run[Input]) (int, error)

// plus returns a number that differs for each step.
func plus(n int) work {
	return func(_ context.Context, run *steps.Run[Input]) (int, error) { return run.Input().N + n, nil }
}

// effect writes into a table of the test's own; nothing there prevents that it is made
// twice.
func effect(ctx context.Context, tx steps.Tx, run *steps.Run[Input]) (int, error) {
	_, err := tx.NewRaw("INSERT INTO proof_effects (job) VALUES (?)", run.Job().ID.String()).Exec(ctx)
	return run.Input().N, err
}

// MakeEffects makes that table.
func MakeEffects(ctx context.Context, db *bun.DB) error {
	_, err := db.NewRaw("CREATE TABLE proof_effects (job CHAR(36) NOT NULL)").Exec(ctx)
	return err
}

// numbers yields the items after the first ones.
func numbers(skip int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := skip; i < Items; i++ {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func entry(run *steps.Run[Input], what string) Entry {
	job := run.Job()
	return Entry{What: what, Type: job.Type, Job: job.ID.String(), Run: job.Attempt, Step: run.StepName(), Try: run.Attempt()}
}

// noted is work whose begin and end are in the ledger.
func (l *Ledger) noted(fn work) func(context.Context, *steps.Run[Input]) (int, error) {
	return func(ctx context.Context, run *steps.Run[Input]) (int, error) {
		e := entry(run, StepBegan)
		l.note(e)
		if l.pace > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(l.pace):
			}
		}
		out, err := fn(ctx, run)
		l.ended(e, err)
		return out, err
	}
}

func (l *Ledger) notedInTx(fn func(context.Context, steps.Tx, *steps.Run[Input]) (int, error)) func(context.Context, steps.Tx, *steps.Run[Input]) (int, error) {
	return func(ctx context.Context, tx steps.Tx, run *steps.Run[Input]) (int, error) {
		return l.noted(func(ctx context.Context, run *steps.Run[Input]) (int, error) { return fn(ctx, tx, run) })(ctx, run)
	}
}

func (l *Ledger) ended(e Entry, err error) {
	e.What = StepEnded
	if err != nil {
		e.Error = err.Error()
	}
	l.note(e)
}
