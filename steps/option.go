package steps

import (
	"reflect"
	"time"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// Option is an option of a step: of [Add], [Do], [InTx], [Sleep], [AwaitSignal] and
// [ChildJobs]. Those that take a function are checked when the step is added:
// one that does not fit the definition's input or the step's output is among
// the mistakes that Register reports.
type Option func(*stepSettings)

type stepSettings struct {
	weight        float64
	timeout       time.Duration
	retry         plan.Retry
	when          any
	whenWhy       string
	undo          any
	verify        any
	verified      reflect.Type // what verify returns
	stop          bool
	was           []string
	version       int
	migrations    []migration
	allowFailures bool
	mistakes      []string // in the options themselves
}

func settingsOf(opts []Option) stepSettings {
	s := stepSettings{weight: 1}
	for _, opt := range opts {
		opt(&s)
	}
	return s
}

// Weight sets the step's share of the job's progress, relative to the other
// steps' weights: a positive number, 1 by default.
func Weight(weight float64) Option {
	return func(s *stepSettings) { s.weight = weight }
}

// Timeout bounds one attempt of the step: its context ends then, with
// [ErrTimeout] as the cause. The attempt has failed with that, and [Retry] may
// have another one follow, unless the step returns without an error all the
// same. It bounds [Verify] as well. Of [AwaitSignal] and [ChildJobs], it is how long
// they wait. 0, the default, is no bound.
func Timeout(d time.Duration) Option {
	return func(s *stepSettings) { s.timeout = d }
}

// WasNamed tells names that the step had before: a record under one of them is
// this step's, and so are its checkpoint, the signal that it waits for, and its
// [Run.IdempotencyKey], which stays what it was when the step first began. Keep it for as
// long as jobs that began with the old name can be resumed.
func WasNamed(names ...string) Option {
	return func(s *stepSettings) { s.was = append(s.was, names...) }
}

// StopOnCrash has a person decide when the process died in the middle of the
// step: whether its effect happened is not known, and the job fails instead of
// running the step again, whatever [ResumeOnCrash] says. A resume is refused
// until it says how the job goes on: by running the step again (engine.RerunFrom), or
// behind it (engine.SkipStep).
//
// It is about processes that die, and not about attempts that return. A step
// that returns an error has said that its effect did not happen, and runs again
// as any other: tried again, resumed, or elsewhere after its engine was stopped.
// So one that cannot tell, because its context ended in the middle of a call,
// should make that call with [context.WithoutCancel] and a timeout of its own,
// or be given [Verify] instead.
func StopOnCrash() Option {
	return func(s *stepSettings) { s.stop = true }
}

// AllowFailures lets a [ChildJobs] step complete when some of its jobs have
// failed or were cancelled; their results tell which.
func AllowFailures() Option {
	return func(s *stepSettings) { s.allowFailures = true }
}
