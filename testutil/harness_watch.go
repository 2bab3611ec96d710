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

// watched is a definition whose steps report to a watch. For the engine it is the same as
// the definition in it.
type watched struct {
	steps.Handler
	watch watch
	// failing makes attempts fail without a call of the step; see Harness.FailStep.
	failing *failing
	// life ends when the process is requested to stop: it is the context of moments that
	// come before a step has its own.
	life context.Context
}

// watch is called at the moments of a run, in the goroutine of the step, and the job waits
// until it returns. If it returns an error, the step must return that and do nothing more.
type watch interface {
	at(ctx context.Context, job uuid.UUID, m Moment) error
}

// Plan returns the definition's plan with each step wrapped.
func (w watched) Plan(input json.RawMessage) (*plan.Plan, error) {
	plan, err := w.Handler.Plan(input)
	if err != nil {
		return nil, err
	}
	var before, stage []string // the steps before the current one, and those beside it
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

// wrap adds a step's moments. The records of the steps before are in the database when its
// function is called. If the step waits, or has a transaction, the moments of its begin
// come before: a step that waits has no function, and in the transaction others cannot use
// the database.
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
			// It is no moment; but a run that died in the evaluation of the condition is
			// dead.
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
		_ = w.begin(w.life, session, name, before) // a run that is dead does nothing more
		return when == nil || when(session)
	}
}

// work calls a step's function, which may be made to fail, and reports its return.
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

// begin reports the records before a step, and its begin.
func (w watched) begin(ctx context.Context, session plan.Session, name string, before []string) error {
	for _, step := range before {
		if err := w.watch.at(ctx, session.Job().ID, AfterStep(step)); err != nil {
			return err
		}
	}
	return w.watch.at(ctx, session.Job().ID, BeforeStep(name))
}

// watchedSession reports a step's calls to a watch.
type watchedSession struct {
	plan.Session
	watch watch
	step  string
	ctx   context.Context // the step's, for calls without one

	progress, checkpoints atomic.Int64
}

func (s *watchedSession) at(m Moment) error { return s.watch.at(s.ctx, s.Job().ID, m) }

// Progress cannot return an error: a step that is dead continues, and its engine keeps
// nothing of that.
func (s *watchedSession) Progress(fraction float64, format string, args []any) {
	s.Session.Progress(fraction, format, args)
	_ = s.at(AtProgress(s.step, int(s.progress.Add(1))))
}

// Checkpoint returns the error of its moment at once, and not only the next time.
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
	// act is called at the moment and returns when the job may continue.
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

// nothing is the watch of a run to which nothing is done.
type nothing struct{}

func (nothing) at(context.Context, uuid.UUID, Moment) error { return nil }

// held is for an engine that only settles the jobs of other engines: its own runs wait,
// before their first step, until it stops.
func held(ctx context.Context, _ *model.Job) (context.Context, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}
