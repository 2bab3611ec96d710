package steps

import "time"

// Option is an option of a step: of [Add], [Do], [InTx], [Sleep], [Await] and
// [Children]. Those that take a function are checked when the step is added:
// one that does not fit the definition's input or the step's output is among
// the mistakes that Register reports.
type Option func(*stepSettings)

type stepSettings struct {
	weight        float64
	timeout       time.Duration
	retry         Retries
	when          any
	whenWhy       string
	undo          any
	verify        any
	stop          bool
	was           []string
	version       int
	migrations    []migration
	allowFailures bool
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
// [ErrTimeout] as the cause, and the attempt has failed unless the step returns
// without an error. Of [Await] and [Children], it is how long they wait.
func Timeout(d time.Duration) Option {
	return func(s *stepSettings) { s.timeout = d }
}

// WasNamed tells names that the step had before: a record under one of them is
// this step's, and so are its checkpoint, the signal that it waits for, and its
// [Run.Key], which stays what it was when the step first began. Keep it for as
// long as jobs that began with the old name can be resumed.
func WasNamed(names ...string) Option {
	return func(s *stepSettings) { s.was = append(s.was, names...) }
}

// StopOnCrash has a person decide when the process died in the middle of the
// step: whether its effect happened is not known, and the job fails instead of
// running the step again. The resume then says how it goes on: by running the
// step again, or behind it.
func StopOnCrash() Option {
	return func(s *stepSettings) { s.stop = true }
}

// AllowFailures lets a [Children] step complete when some of its jobs have
// failed or were cancelled; their results tell which.
func AllowFailures() Option {
	return func(s *stepSettings) { s.allowFailures = true }
}
