package steps

import (
	"reflect"
	"time"

	"github.com/ntxdev/jobsystem/steps/plan"
)

// Option is an option of a step: of [Add], [Do], [InTx], [Sleep], [SleepUntil],
// [AwaitSignal] and [ChildJobs]. The compiler does not check that a function given to
// an option fits the definition's input and the step's output; if it does not, that is
// one of the mistakes that Register returns.
type Option func(*stepSettings)

type stepSettings struct {
	weight        float64
	size          any
	timeout       time.Duration
	retry         plan.Retry
	when          any
	whenWhy       string
	undo          any
	verify        any
	verifyOutput  reflect.Type // the type of the output that verify returns
	stopOnCrash   bool
	oldNames      []string
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

// Size declares how much a step has to do for an input: for example the number of its items,
// in any unit that is the same for all jobs. Then the time that the step will take is
// estimated by how long it took for as much in earlier jobs, from the job's begin on, and
// already while it is scheduled. of must be quick, and depend on the input alone; it is called
// whenever the plan is made. A result that is not a finite number above 0 means that the size
// is not known.
//
// Without Size, the size is the total of [Run.Progress], or that of [Each], from the step's
// begin on.
func Size[In any](of func(in In) float64) Option {
	return func(s *stepSettings) {
		if s.size = of; of == nil {
			s.mistakes = append(s.mistakes, "the function of Size is nil")
		}
	}
}

// Timeout limits each attempt of the step. When the time is up, the attempt's context
// ends with the cause [ErrTimeout]; the attempt has failed, and [Retry] may try the step
// again. If the step nevertheless returns without an error, it has completed. The limit
// also holds for a call of [Verify]. For [AwaitSignal] and [ChildJobs] it is how long
// they wait. 0, the default, is no limit.
func Timeout(d time.Duration) Option {
	return func(s *stepSettings) { s.timeout = d }
}

// WasNamed declares names that the step had before. A record under one of them belongs
// to this step, as do its checkpoint, the signal that it waits for, and its
// [Run.IdempotencyKey], which does not change after the step first began. Keep the option
// as long as jobs that began with the old name can be resumed.
func WasNamed(names ...string) Option {
	return func(s *stepSettings) { s.oldNames = append(s.oldNames, names...) }
}

// StopOnCrash lets a person decide how the job continues if the process dies in the
// middle of the step. Then it is not known whether the step's effect has happened, so
// the job fails instead of running the step again, even with [ResumeOnCrash]. A resume
// returns an error until it says whether to run the step again (engine.RerunFrom) or to
// skip it (engine.SkipStep).
//
// The option is about processes that die, not about attempts that return. A step that
// returns an error says with it that its effect did not happen, and runs again like any
// other step: at a retry, at a resume, or in another engine after its own was stopped. A
// step may not know whether its effect happened because its context ended in the middle
// of a call. Make that call with [context.WithoutCancel] and a timeout of its own, or use
// [Verify] instead.
func StopOnCrash() Option {
	return func(s *stepSettings) { s.stopOnCrash = true }
}

// AllowFailures makes a [ChildJobs] step complete even if some of its jobs have failed or
// were cancelled; their results say which.
func AllowFailures() Option {
	return func(s *stepSettings) { s.allowFailures = true }
}
