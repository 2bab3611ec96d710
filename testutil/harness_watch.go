package testutil

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/steps/plan"
)

// watched is a definition whose steps tell a watch how far they are. It is the
// same to the engine as the definition in it.
type watched struct {
	steps.Handler
	watch watch
	// failing has steps fail in place of being called; see Harness.FailStep.
	failing *failing
	// life ends when the process is told to stop: the context of moments that
	// come before there is a step's own.
	life context.Context
}

// watch is told of a run's moments, in the goroutine of the step, and has the
// job stand still until it returns. An error says that the step must do nothing
// more than to return it.
type watch interface {
	at(ctx context.Context, job uuid.UUID, m Moment) error
}

// Plan returns the definition's plan with every step wrapped that has a function
// of its own, outside a transaction.
func (w watched) Plan(input json.RawMessage) (*plan.Plan, error) {
	plan, err := w.Handler.Plan(input)
	if err != nil {
		return nil, err
	}
	var before, stage []string // the steps that the one at hand comes behind, and those beside it
	for i := range plan.Steps {
		planned := &plan.Steps[i]
		if i > 0 && (planned.Group == nil || planned.Group != plan.Steps[i-1].Group) {
			before, stage = stage, nil
		}
		stage = append(stage, planned.Name)
		w.wrap(planned, before)
	}
	return plan, nil
}

// wrap gives a step its moments. The records of the steps before are in the
// database by the time that its function is called. A step that waits, or has a
// transaction, has those of its begin before: the one has no function, and the
// other keeps the database from everybody else.
func (w watched) wrap(planned *plan.Step, before []string) {
	name := planned.Name
	if run := planned.Run; run != nil {
		planned.Run = func(ctx context.Context, session plan.Session) (json.RawMessage, error) {
			if err := w.begin(ctx, session, name, before); err != nil {
				return nil, err
			}
			return work(ctx, w, session, name, run)
		}
		return
	}
	if tx := planned.Tx; tx != nil {
		planned.Tx = func(ctx context.Context, t bun.Tx, session plan.Session) (json.RawMessage, error) {
			// No moment, but one that has died as its condition was asked for is dead.
			if err := w.watch.at(ctx, session.Job().ID, Moment{}); err != nil {
				return nil, err
			}
			return work(ctx, w, session, name, func(ctx context.Context, session plan.Session) (json.RawMessage, error) {
				return tx(ctx, t, session)
			})
		}
	}
	if children := planned.ChildJobs; children != nil {
		planned.ChildJobs = func(ctx context.Context, session plan.Session) ([]plan.Child, error) {
			return work(ctx, w, session, name, children)
		}
	}
	when := planned.When
	planned.When = func(session plan.Session) bool {
		_ = w.begin(w.life, session, name, before) // one that is dead does nothing more
		return when == nil || when(session)
	}
}

// work calls a step's function, which may be made to fail, and tells when it has
// returned.
func work[Out any](ctx context.Context, w watched, session plan.Session, name string,
	fn func(context.Context, plan.Session) (Out, error),
) (output Out, err error) {
	var none Out
	if err := w.failing.next(name); err != nil {
		return none, err
	}
	s := &watchedSession{Session: session, watch: w.watch, step: name, ctx: ctx}
	if output, err = fn(ctx, s); err != nil {
		return none, err
	}
	if err := s.at(BeforeRecord(name)); err != nil {
		return none, err
	}
	return output, nil
}

// begin tells of the records before a step, and of its begin.
func (w watched) begin(ctx context.Context, session plan.Session, name string, before []string) error {
	for _, step := range before {
		if err := w.watch.at(ctx, session.Job().ID, AfterStep(step)); err != nil {
			return err
		}
	}
	return w.watch.at(ctx, session.Job().ID, BeforeStep(name))
}

// watchedSession tells a watch of a step's calls.
type watchedSession struct {
	plan.Session
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
func (s *watchedSession) Checkpoint(ctx context.Context, checkpoint json.RawMessage) error {
	if err := s.Session.Checkpoint(ctx, checkpoint); err != nil {
		return err
	}
	err := s.at(AtCheckpoint(s.step, int(s.checkpoints.Add(1))))
	if err == nil {
		err = s.at(checkpointAt(s.step, checkpoint))
	}
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
	if job == t.job && t.moment.is(m) {
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

// held is for an engine that looks after the jobs of other engines and does
// nothing of its own: its runs wait, before their first step, until it stops.
func held(ctx context.Context, _ *model.Job) (context.Context, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}
