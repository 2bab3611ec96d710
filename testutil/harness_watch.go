package testutil

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/ntxdev/jobsystem/steps"
)

// watched is a definition whose steps tell a watch how far they are. It is the
// same to the engine as the definition in it.
type watched struct {
	steps.Handler
	watch watch
}

// watch is told of a run's moments, in the goroutine of the step, and has the
// job stand still until it returns. An error says that the step must do nothing
// more than to return it.
type watch interface {
	at(ctx context.Context, job uuid.UUID, m Moment) error
}

// Plan returns the definition's plan with every step wrapped that has a function
// of its own, outside a transaction.
func (w watched) Plan(input json.RawMessage) (*steps.Plan, error) {
	plan, err := w.Handler.Plan(input)
	if err != nil {
		return nil, err
	}
	var before, stage []string // the steps of the stage before, and of this one
	for i, planned := range plan.Steps {
		if i == 0 || planned.Group == nil || planned.Group != plan.Steps[i-1].Group {
			before, stage = stage, nil
		}
		stage = append(stage, planned.Name)
		w.wrap(&plan.Steps[i], before)
	}
	return plan, nil
}

// wrap gives the step's function its moments. The records of the steps before
// are in the database by the time the function is called. A step that waits has
// no moments, but for one that enqueues jobs.
func (w watched) wrap(planned *steps.PlannedStep, before []string) {
	if fn := planned.Run; fn != nil {
		planned.Run = func(ctx context.Context, session steps.Session) (json.RawMessage, error) {
			return watching(ctx, w, planned.Name, before, session, fn)
		}
	}
	if fn := planned.Children; fn != nil {
		planned.Children = func(ctx context.Context, session steps.Session) ([]steps.Child, error) {
			return watching(ctx, w, planned.Name, before, session, fn)
		}
	}
	if fn := planned.Tx; fn != nil {
		planned.Tx = func(ctx context.Context, tx steps.Tx, session steps.Session) (json.RawMessage, error) {
			return watching(ctx, w, planned.Name, before, session, func(ctx context.Context, session steps.Session) (json.RawMessage, error) {
				return fn(ctx, tx, session)
			})
		}
	}
}

// watching calls a step's function with its moments around it.
func watching[Out any](ctx context.Context, w watched, step string, before []string, session steps.Session,
	fn func(context.Context, steps.Session) (Out, error),
) (output Out, err error) {
	var none Out
	s := &watchedSession{Session: session, watch: w.watch, step: step, ctx: ctx}
	for _, name := range before {
		if err := s.at(AfterStep(name)); err != nil {
			return none, err
		}
	}
	if err := s.at(BeforeStep(step)); err != nil {
		return none, err
	}
	if output, err = fn(ctx, s); err != nil {
		return none, err
	}
	if err := s.at(BeforeRecord(step)); err != nil {
		return none, err
	}
	return output, nil
}

// watchedSession tells a watch of a step's calls.
type watchedSession struct {
	steps.Session
	watch watch
	step  string
	ctx   context.Context // the step's, for calls that take none

	progress, checkpoints atomic.Int64
}

func (s *watchedSession) at(m Moment) error { return s.watch.at(s.ctx, s.Job().ID, m) }

// Progress cannot refuse: a step that is dead after it does what it does, and
// its engine keeps nothing of that.
func (s *watchedSession) Progress(fraction float64, format string, args []any) {
	s.Session.Progress(fraction, format, args)
	_ = s.at(AtProgress(s.step, int(s.progress.Add(1))))
}

// Checkpoint refuses at its moment already, and not only the time after it.
func (s *watchedSession) Checkpoint(ctx context.Context, cursor json.RawMessage) error {
	if err := s.Session.Checkpoint(ctx, cursor); err != nil {
		return err
	}
	err := s.at(AtCheckpoint(s.step, int(s.checkpoints.Add(1))))
	if err == nil {
		err = context.Cause(s.ctx)
	}
	if err != nil {
		return fmt.Errorf("checkpoint of step %q: %w", s.step, err)
	}
	return nil
}

// trigger is a watch that acts when a moment of a job comes for the first time.
type trigger struct {
	job    uuid.UUID
	moment Moment
	// act is called at the moment and returns when the job may go on.
	act  func(ctx context.Context) error
	came chan struct{} // closed when act begins
	once sync.Once
	err  atomic.Pointer[error]
}

func newTrigger(job uuid.UUID, m Moment, act func(ctx context.Context) error) *trigger {
	return &trigger{job: job, moment: m, act: act, came: make(chan struct{})}
}

func (t *trigger) at(ctx context.Context, job uuid.UUID, m Moment) error {
	if job == t.job && m == t.moment {
		t.once.Do(func() {
			close(t.came)
			err := t.act(ctx)
			t.err.Store(&err)
		})
	}
	if err := t.err.Load(); err != nil {
		return *err
	}
	return nil
}

// has reports whether the moment has come.
func (t *trigger) has() bool {
	select {
	case <-t.came:
		return true
	default:
		return false
	}
}

// nothing is the watch of a run that nothing is done to.
type nothing struct{}

func (nothing) at(context.Context, uuid.UUID, Moment) error { return nil }

// held is the watch of an engine that looks after the jobs of other engines and
// does nothing of its own: its steps wait until it stops.
type held struct{}

func (held) at(ctx context.Context, _ uuid.UUID, _ Moment) error {
	<-ctx.Done()
	return context.Cause(ctx)
}
