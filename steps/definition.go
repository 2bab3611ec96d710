package steps

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// Definition is the handler of one job type: its steps in order. Make one with
// [Define] or [DefineFunc], add steps with [Add] and [Do], and give it to an
// engine's Register, which reports all its mistakes together. A definition must
// not change after that; it may then be used by many jobs and engines at once.
type Definition[In any] struct {
	settings
	steps    []planned[In]
	groups   []string // their names
	build    func(In) (*Definition[In], error)
	mistakes []error
}

// planned is a step whose output type is erased.
type planned[In any] struct {
	name     string
	does     kinds[In]
	settings stepSettings
	group    *plan.Group // nil for a step of its own
	output   output

	when   func(*Run[In]) bool
	undo   undoer[In]
	verify verifier[In]
}

// Input is implemented by inputs that know the type of their jobs. Types are those of
// the database, whose jobs of one type run one at a time whichever program they are
// of: name them by their area, "billing:invoice-sync".
type Input interface {
	JobType() string
}

// DefineOption is an option of [Define] and [DefineFunc].
type DefineOption func(*settings)

type settings struct {
	jobType       string
	timeout       time.Duration
	resumeOnCrash int
	undoOn        []model.Status
	undoOnGiven   bool
	removed       []string
}

// Type names the job type, for inputs that do not implement [Input] and for
// definitions that serve several types with one kind of input.
func Type(jobType string) DefineOption {
	return func(s *settings) { s.jobType = jobType }
}

// JobTimeout bounds the time that a job may work, over all its runs: then the
// contexts of the steps under way end with [ErrTimeout], no step is tried again,
// and the job fails. Time spent waiting does not count: for its turn, for a step
// that sleeps or awaits something, or for the next attempt of one, except in a
// group. The time of a run whose process died counts up to its last heartbeat. A
// job whose time is up is not resumed: give it more, or restart it. 0, the default,
// is no bound.
func JobTimeout(d time.Duration) DefineOption { return func(s *settings) { s.timeout = d } }

// ResumeOnCrash has a job go on by itself when its process has died, up to that
// many times: it becomes scheduled again with its record kept. After that, and
// without this, it fails, to be resumed by a person; then the count begins anew.
// A job that dies in the middle of a [StopOnCrash] step fails all the same. The
// number is recorded with the job's first step, so that any engine goes by it,
// also one that does not have the definition.
func ResumeOnCrash(times int) DefineOption { return func(s *settings) { s.resumeOnCrash = times } }

// UndoOn names the ends of a job after which its completed steps are undone, those
// that have an [Undo]: [model.Failed], [model.Cancelled] or both. The default is
// both; the last UndoOn given replaces it. Any other status, and none, is a mistake.
func UndoOn(statuses ...model.Status) DefineOption {
	return func(s *settings) { s.undoOn, s.undoOnGiven = slices.Clone(statuses), true }
}

// Removed tells names of steps that the definition had before and has no more:
// their records do not stand in the way of a resume, and are kept as history.
// What such a step did is not undone.
func Removed(names ...string) DefineOption {
	return func(s *settings) { s.removed = append(s.removed, names...) }
}

// Define begins a definition for jobs with an input of type In. The job type is
// the one that In's JobType method returns, or that of the option [Type].
func Define[In any](opts ...DefineOption) *Definition[In] {
	s := settings{jobType: typeOf[In](), undoOn: []model.Status{model.Failed, model.Cancelled}}
	for _, opt := range opts {
		opt(&s)
	}
	d := &Definition[In]{settings: s}
	if nothing := model.KeepsNothing(reflect.TypeFor[In]()); nothing != nil {
		d.mistake("its input has a %v, of which JSON keeps nothing: export its fields, or give it MarshalJSON and UnmarshalJSON", nothing)
	}
	if len(s.undoOn) == 0 || slices.ContainsFunc(s.undoOn, func(on model.Status) bool { return !on.Resumable() }) {
		d.mistake("UndoOn(%q) is to name failed, cancelled or both", s.undoOn)
	}
	if s.timeout < 0 || s.resumeOnCrash < 0 {
		d.mistake("its timeout %v or its number of resumptions after crashes, %d, is negative", s.timeout, s.resumeOnCrash)
	}
	return d
}

// DefineFunc begins a definition whose steps depend on the input: for each job,
// before its first step and again at each resume, build returns a definition
// made with [Define] for that input. The same input must give the same steps,
// since a resumed job goes on by their names. An error of build fails the job.
//
// The options are Build's: the type of the definition that build returns is
// ignored, and other options in it than [Removed] are an error.
func DefineFunc[In any](build func(in In) (*Definition[In], error), opts ...DefineOption) *Definition[In] {
	d := Define[In](opts...)
	d.build = build
	if build == nil {
		d.mistake("the build function is nil")
	}
	return d
}

// typeOf asks the zero In, or a pointer to it, for its job type.
func typeOf[In any]() (jobType string) {
	defer func() {
		if recover() != nil { // a JobType method that reads a nil In
			jobType = ""
		}
	}()
	var in In
	if t, ok := any(in).(Input); ok {
		return t.JobType()
	}
	if t, ok := any(&in).(Input); ok {
		return t.JobType()
	}
	return ""
}

// JobType returns the type of the jobs that the definition handles.
func (d *Definition[In]) JobType() string {
	if d == nil {
		return ""
	}
	return d.jobType
}

// Validate returns all mistakes of the definition, joined, or nil: no or a bad
// type name, no steps, bad or repeated step names, weights that are not
// positive numbers, functions that are nil.
func (d *Definition[In]) Validate() error {
	if d == nil {
		return errors.New("the definition is nil")
	}
	var errs []error
	if err := model.CheckName(d.jobType); err != nil {
		errs = append(errs, fmt.Errorf("job type %q %w (give the input a JobType method or use steps.Type)", d.jobType, err))
	}
	errs = append(errs, d.mistakes...)
	errs = append(errs, d.nameMistakes()...)
	if sum := d.sumOfWeights(); math.IsInf(sum, 0) {
		errs = append(errs, fmt.Errorf("the weights of its %d steps add up to more than a float64 holds", len(d.steps)))
	}
	switch {
	case d.build == nil && len(d.steps) == 0:
		errs = append(errs, errors.New("has no steps"))
	case d.build != nil && len(d.steps) > 0:
		errs = append(errs, errors.New("adds steps to a definition made with DefineFunc: add them to the one that the build function returns"))
	}
	return errors.Join(errs...)
}

// sumOfWeights is the sum of the weights that are numbers; the others are mistakes of
// their own.
func (d *Definition[In]) sumOfWeights() (sum float64) {
	for _, p := range d.steps {
		if w := p.settings.weight; !math.IsNaN(w) && !math.IsInf(w, 0) {
			sum += w
		}
	}
	return sum
}

// nameMistakes finds names that could be meant for two steps: those that steps
// have, had, and that were removed.
func (d *Definition[In]) nameMistakes() (errs []error) {
	owner := make(map[string]string, len(d.steps))
	for _, p := range d.steps {
		owner[p.name] = fmt.Sprintf("the name of step %q", p.name)
	}
	claim := func(name, who, as string) {
		if err := model.CheckName(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %q %w", who, name, err))
		} else if taken, ok := owner[name]; ok {
			errs = append(errs, fmt.Errorf("%s: %q is %s", who, name, taken))
		} else {
			owner[name] = as
		}
	}
	for _, p := range d.steps {
		for _, was := range p.settings.was {
			claim(was, fmt.Sprintf("step %q: WasNamed", p.name), fmt.Sprintf("an older name of step %q", p.name))
		}
	}
	for _, name := range d.removed {
		claim(name, "Removed", "removed already")
	}
	return errs
}

func (d *Definition[In]) mistake(format string, args ...any) {
	d.mistakes = append(d.mistakes, fmt.Errorf(format, args...))
}

// add appends a step and keeps its mistakes for Validate.
func (d *Definition[In]) add(p planned[In]) {
	if err := model.CheckName(p.name); err != nil {
		d.mistake("step %d: name %q %w", len(d.steps)+1, p.name, err)
	}
	for i, other := range d.steps {
		if other.name == p.name {
			d.mistake("step %d: name %q is taken by step %d", len(d.steps)+1, p.name, i+1)
			break
		}
	}
	if w := p.settings.weight; math.IsNaN(w) || math.IsInf(w, 0) || w <= 0 {
		d.mistake("step %q: weight %v is not a positive number", p.name, w)
	}
	d.mistakes = append(d.mistakes, p.mistakes()...)
	d.steps = append(d.steps, p)
}
