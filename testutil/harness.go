package testutil

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/migrations"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
	"github.com/ntxdev/jobsystem/testutil/testdb"
)

// Harness tests a host's own definition: it runs one job of it as the engine would,
// interrupts the run at a [Moment], continues it, and shows its records.
//
//	h := testutil.NewHarness(t, orders.Export(fakeStore))
//	h.Enqueue(orders.Input{Month: "2026-10"})
//	h.Kill(testutil.AfterStep("extract")) // the process dies there
//	h.Resume()
//	require.Equal(t, model.Succeeded, h.Run().Status)
//	require.Equal(t, 1, fakeStore.extractions)
//
// Each of [Harness.Run], [Harness.Kill], [Harness.Stop] and [Harness.Cancel] starts an
// engine of its own on the harness's database, as a new process would, and returns after
// that engine has ended, with the job's status in the database at that time. Nothing runs
// between these calls, so a test may read and change the database there.
//
// What cannot be done ends the test at once, and prints the job's status, its steps and the
// engine's last log lines: for example a job that does not end within the deadline, a
// moment that never comes, a step that does not exist.
//
// A harness follows the job that was enqueued last. Its methods must be called in the
// test's own goroutine.
type Harness struct {
	t          testing.TB
	definition steps.Handler
	settings   harnessSettings
	db         *bun.DB
	engine     *engine.Engine // enqueues, shows and resumes; never runs
	log        *harnessLog
	failing    failing
	processes  []*hostProcess
	job        uuid.UUID
	virtual    bool // the time is: the harness was made in a bubble of testing/synctest
}

// HarnessOption is an option of [NewHarness].
type HarnessOption func(*harnessSettings)

type harnessSettings struct {
	db       *bun.DB
	deadline time.Duration
	config   engine.Config
	register []engine.RegisterOption
	beside   []steps.Handler
	prepare  func(*Harness)
	crashes  int // of CrashEverywhere, 0 for all
}

// OnDB makes the harness use db, which must have the newest tables, instead of a database
// of its own: for definitions that use tables of the host, and to test one with
// [testdb.EachDB]. The database must have no other jobs of the definition's type.
func OnDB(db *bun.DB) HarnessOption {
	return func(s *harnessSettings) { s.db = db }
}

// Within sets how long each call that runs the job may take. The default is 30 seconds, or
// a day of virtual time (see the package), in which the waits of jobs do not count: it is
// reached only when something is wrong.
func Within(deadline time.Duration) HarnessOption {
	return func(s *harnessSettings) { s.deadline = deadline }
}

// Limits sets the limits of the engines, like the host's.
func Limits(limits engine.Limits) HarnessOption {
	return func(s *harnessSettings) { s.config.Limits = limits }
}

// Registered sets the options with which the engines register the definition: a context
// factory, for example.
func Registered(opts ...engine.RegisterOption) HarnessOption {
	return func(s *harnessSettings) { s.register = append(s.register, opts...) }
}

// Beside makes the engines run these definitions too: those of the jobs that the
// definition's [steps.ChildJobs] enqueue.
func Beside(definitions ...steps.Handler) HarnessOption {
	return func(s *harnessSettings) { s.beside = append(s.beside, definitions...) }
}

// NewHarness returns a harness for a definition on a private SQLite database in
// memory. It ends the test if the definition has mistakes.
func NewHarness(t testing.TB, definition steps.Handler, opts ...HarnessOption) *Harness {
	t.Helper()
	h := &Harness{t: t, definition: definition, log: newHarnessLog(), virtual: testdb.InBubble()}
	h.settings = harnessSettings{deadline: 30 * time.Second}
	if h.virtual {
		h.settings.deadline = 24 * time.Hour
	}
	for _, opt := range opts {
		opt(&h.settings)
	}
	h.settings.config = h.engineConfig(h.settings.config)
	h.db = h.settings.db
	if h.db == nil {
		h.db = testdb.Open(t, "sqlite://:memory:")
		ctx, cancel := h.limit()
		defer cancel()
		h.must("make the tables", migrations.Migrate(ctx, h.db))
	}
	if h.virtual {
		ctx, cancel := h.limit()
		defer cancel()
		h.must("make the harness", testdb.CheckClock(ctx, h.db))
	}
	var err error
	h.engine, err = h.newEngine(h.db, definition)
	h.must("make the harness", err)
	return h
}

// engineConfig completes the engines' settings. No engine loses its lease because the
// machine is slow: a lease expires only when the harness makes it. What does not fit its
// definition fails at once, as there is no engine with another one.
func (h *Harness) engineConfig(c engine.Config) engine.Config {
	c.Lease, c.Heartbeat = time.Hour, 20*time.Minute
	c.Grace, c.DeployWindow = -1, -1
	c.Logger = h.log.logger()
	return c
}

func (h *Harness) newEngine(db *bun.DB, definition steps.Handler, opts ...engine.RegisterOption) (*engine.Engine, error) {
	e, err := engine.New(db, h.settings.config)
	if err != nil {
		return nil, err
	}
	for _, other := range h.settings.beside {
		if err := e.Register(other); err != nil {
			return nil, err
		}
	}
	return e, e.Register(definition, slices.Concat(h.settings.register, opts)...)
}

// Engine returns an engine on the harness's database that has the definition registered and
// does not run: for all that the harness has no method for.
func (h *Harness) Engine() *engine.Engine { return h.engine }

// DB returns the harness's database.
func (h *Harness) DB() *bun.DB { return h.db }

// Enqueue enqueues a job of the definition's type, which the harness follows from now on.
// The input is any value that JSON can represent; one that names a job type must name the
// definition's.
func (h *Harness) Enqueue(input any, opts ...engine.EnqueueOption) *model.Job {
	h.t.Helper()
	jobType := h.definition.JobType()
	if typed, ok := input.(steps.Input); ok && typed.JobType() != jobType {
		h.t.Fatalf("enqueue: the input is for jobs of type %q, the definition handles %q", typed.JobType(), jobType)
	}
	raw, err := json.Marshal(input)
	h.must("write the input as JSON", err)
	ctx, cancel := h.limit()
	defer cancel()
	job, err := h.engine.Enqueue(ctx, engine.RawInput{Type: jobType, Input: raw}, opts...)
	h.must("enqueue", err)
	h.job = job.ID
	return job
}

// Follow makes the harness follow a job that is in its database already, for example one
// that another definition's harness has enqueued.
func (h *Harness) Follow(job uuid.UUID) { h.job = job }

// Resume makes the failed or cancelled job scheduled; the next [Harness.Run] continues with
// the first step that is not completed, or where the options say. It ends the test if the
// record does not fit the definition.
func (h *Harness) Resume(opts ...engine.ResumeOption) {
	h.t.Helper()
	ctx, cancel := h.limit()
	defer cancel()
	h.must("resume", h.engine.Resume(ctx, h.followed(), opts...))
}

// Restart makes the failed or cancelled job scheduled without its record: all steps run
// again.
func (h *Harness) Restart() {
	h.t.Helper()
	ctx, cancel := h.limit()
	defer cancel()
	h.must("restart", h.engine.Restart(ctx, h.followed()))
}

// Status returns the job's status in the database.
func (h *Harness) Status() *model.JobView {
	h.t.Helper()
	ctx, cancel := h.limit()
	defer cancel()
	status, err := h.engine.Status(ctx, h.followed())
	h.must("show the job", err)
	return status
}

// Records returns the job's records, one for each step in the order of the plan. They are
// empty before the job's first step has been recorded.
func (h *Harness) Records() []model.StepRecord {
	h.t.Helper()
	data, err := model.ParseData(h.row().Data)
	h.must("read the job's record", err)
	return data.Steps
}

// Output reads the recorded output of a completed step into out, a non-nil pointer. It ends
// the test if there is none.
func (h *Harness) Output(step string, out any) {
	h.t.Helper()
	records := h.Records()
	i := model.Data{Steps: records}.Step(step)
	switch {
	case i < 0:
		h.fatal("output of step %q: it has no record", step)
	case records[i].Status != model.StepCompleted:
		h.fatal("output of step %q: the step is %s, not completed", step, records[i].Status)
	case records[i].Output == nil:
		h.fatal("output of step %q: it produces none", step)
	}
	h.must("output of step "+step, json.Unmarshal(records[i].Output, out))
}

// row returns the job's row.
func (h *Harness) row() *model.Job {
	h.t.Helper()
	ctx, cancel := h.limit()
	defer cancel()
	job, err := h.engine.Job(ctx, h.followed())
	h.must("read the job", err)
	return job
}

// followed returns the job that the harness follows.
func (h *Harness) followed() uuid.UUID {
	h.t.Helper()
	if h.job == uuid.Nil {
		h.t.Fatal("the harness has no job yet: call Enqueue first")
	}
	return h.job
}

// limit bounds one call to the database. A test's deadline may be shorter than a busy
// machine needs for that.
func (h *Harness) limit() (context.Context, context.CancelFunc) {
	const patience = time.Minute
	return context.WithTimeout(context.WithoutCancel(h.t.Context()), max(patience, h.settings.deadline))
}
