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
// [Define] or [DefineFunc], append steps with [Add], [Do] and the other functions of
// this package, and pass it to an engine's Register, which returns all its mistakes
// together. A definition must not change after that; then it is safe for concurrent
// use by many jobs and engines.
type Definition[In any] struct {
	settings
	steps    []planned[In]
	groups   []string // their names
	build    func(In) (*Definition[In], error)
	mistakes []error
}

// planned is a step without its output type.
type planned[In any] struct {
	name     string
	work     work[In]
	settings stepSettings
	group    *plan.Group // nil for a step outside of a group
	output   output

	size   func(In) float64
	when   func(*Run[In]) bool
	undo   undoFunc[In]
	verify verifyFunc[In]
}

// Input is implemented by inputs that know the type of their jobs. [Define] calls JobType
// on the zero value. All programs on a database share its job types, and of each type one
// job runs at a time: begin the name with its area, "billing:invoice-sync".
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
	learnWeights  bool
}

// Type names the job type, for inputs that do not implement [Input] and for
// definitions that serve several types with one kind of input.
func Type(jobType string) DefineOption {
	return func(s *settings) { s.jobType = jobType }
}

// JobTimeout limits the time that a job may work, all its runs together. When the time
// is up, the contexts of the running steps end with [ErrTimeout], no step is tried
// again, and the job fails.
//
// Time spent waiting does not count: for the job's turn, in a step that sleeps or waits
// for something, or before the next attempt of a step, except in a group. The time of a
// run whose process died counts up to its last heartbeat. A job whose time is up cannot
// be resumed: restart it, or give the definition a longer JobTimeout. 0, the default, is
// no limit.
func JobTimeout(d time.Duration) DefineOption { return func(s *settings) { s.timeout = d } }

// ResumeOnCrash resumes a job automatically when its process has died, up to that many
// times: the job becomes scheduled again and keeps its record. After that, and by
// default, the job fails until a person resumes it, which starts the count again. A job
// whose process dies in the middle of a [StopOnCrash] step fails in any case.
//
// The number is recorded with the job's first step, so that any engine can apply it,
// also one that does not have the definition.
func ResumeOnCrash(times int) DefineOption { return func(s *settings) { s.resumeOnCrash = times } }

// UndoOn sets after which ends of a job its completed steps that have an [Undo] are
// undone: [model.Failed], [model.Cancelled] or both. The default is both. The last
// UndoOn replaces those before it. Any other status, and no status at all, is a
// mistake.
func UndoOn(statuses ...model.Status) DefineOption {
	return func(s *settings) { s.undoOn, s.undoOnGiven = slices.Clone(statuses), true }
}

// Removed declares the names of steps that the definition had before and no longer has.
// A job with records of them can be resumed; the records are kept as history. The effect
// of a removed step is not undone. Without it, a job that has not run the step yet is left to
// engines that have it for the time of a deploy, before it goes on without it.
func Removed(names ...string) DefineOption {
	return func(s *settings) { s.removed = append(s.removed, names...) }
}

// LearnWeights makes the progress of a job go by time instead of by the declared weights:
// each step counts as much as it took in the last jobs of the type, for the sizes that are
// declared with [Size]. The weights are set when a job first runs and stay the same for it,
// also when it is resumed, so its progress does not jump. The first job has the declared
// weights. It costs a statement at the begin of a job, at most once a minute for a type.
func LearnWeights() DefineOption { return func(s *settings) { s.learnWeights = true } }

// Define begins a definition for jobs with an input of type In. The job type is the one
// that In's JobType method returns, or the one given with [Type]. Mistakes are returned
// by [Definition.Validate] and by an engine's Register.
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
		d.mistake("UndoOn(%q) must name failed, cancelled or both", s.undoOn)
	}
	if s.timeout < 0 || s.resumeOnCrash < 0 {
		d.mistake("JobTimeout(%v) or ResumeOnCrash(%d) is negative", s.timeout, s.resumeOnCrash)
	}
	return d
}

// DefineFunc begins a definition whose steps depend on the input. For each job, before
// its first step and again at each resume, build returns a definition made with [Define]
// for that input. The same input must give the same steps, since the steps of a resumed
// job are found by their names. If build returns an error, the job fails.
//
// Give the options to DefineFunc. The job type of the definition that build returns is
// ignored, and any option of it except [Removed] is an error.
func DefineFunc[In any](build func(in In) (*Definition[In], error), opts ...DefineOption) *Definition[In] {
	d := Define[In](opts...)
	d.build = build
	if build == nil {
		d.mistake("the build function is nil")
	}
	return d
}

// typeOf returns the job type of the zero In, or of a pointer to it; empty if In is not
// an Input.
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

// Validate returns all mistakes of the definition, joined, or nil: a missing or bad type
// name, no steps, bad or repeated step names, weights that are not positive numbers,
// functions that are nil, and options that do not fit their step.
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

// nameMistakes returns the names that could mean two steps: of the names that steps have,
// the older names, and the names of removed steps, each may occur once.
func (d *Definition[In]) nameMistakes() (errs []error) {
	owner := make(map[string]string, len(d.steps))
	for _, p := range d.steps {
		owner[p.name] = fmt.Sprintf("the name of step %q", p.name)
	}
	add := func(name, who, as string) {
		if err := model.CheckName(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %q %w", who, name, err))
		} else if taken, ok := owner[name]; ok {
			errs = append(errs, fmt.Errorf("%s: %q is %s", who, name, taken))
		} else {
			owner[name] = as
		}
	}
	for _, p := range d.steps {
		for _, was := range p.settings.oldNames {
			add(was, fmt.Sprintf("step %q: WasNamed", p.name), fmt.Sprintf("an older name of step %q", p.name))
		}
	}
	for _, name := range d.removed {
		add(name, "Removed", "removed already")
	}
	return errs
}

func (d *Definition[In]) mistake(format string, args ...any) {
	d.mistakes = append(d.mistakes, fmt.Errorf(format, args...))
}

// add appends a step, and stores its mistakes for Validate.
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
