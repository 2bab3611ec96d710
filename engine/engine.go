package engine

import (
	"context"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/engine/internal/execution"
	"github.com/ntxdev/jobsystem/engine/internal/store"
	"github.com/ntxdev/jobsystem/engine/internal/worker"
	"github.com/ntxdev/jobsystem/model"
	"github.com/ntxdev/jobsystem/steps"
)

// newTimeout bounds the questions that New asks the database.
const newTimeout = 15 * time.Second

// Engine enqueues, runs, shows and controls jobs on one database. Several
// engines work side by side, in one process or many. The methods that work on
// jobs are those of [Client]. All methods are safe for concurrent use.
type Engine struct {
	Client
	config Config
	store  *store.Store

	mu       sync.Mutex
	handlers map[string]execution.Handler
	worker   *worker.Worker // nil before Run
}

// Client works on jobs: with the engine's own database, or as [Engine.WithTx]
// returns it, within the caller's transaction.
type Client struct {
	engine *Engine
	db     bun.IDB
	inTx   bool
	redact model.Redactor // nil shows everything
}

// New returns an engine on db, whose tables the package migrations has made. It
// asks the database a few questions and fails if the tables are missing
// ([ErrNotMigrated]), or if the connection's settings would change values. It
// starts nothing: see [Engine.Run].
func New(db *bun.DB, config Config) (*Engine, error) {
	if db == nil {
		return nil, fmt.Errorf("new engine: %w", invalid("the database is nil"))
	}
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("new engine: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), newTimeout)
	defer cancel()
	s, err := store.New(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("new engine: %w", err)
	}
	switch err := s.CheckTables(ctx); {
	case err != nil && db.PingContext(ctx) != nil:
		return nil, fmt.Errorf("new engine: %w", err)
	case err != nil:
		return nil, fmt.Errorf("new engine: %w: run `jobctl migrate up` or migrations.Migrate: %w", ErrNotMigrated, err)
	}
	e := &Engine{
		config:   config,
		store:    s,
		handlers: make(map[string]execution.Handler),
	}
	e.Client = Client{engine: e, db: db}
	return e, nil
}

// ownerName is a random id for one start of an engine, with the host and the process for
// people to read. Nothing is ever concluded from those two.
func ownerName() string {
	const longest = 200
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	name := fmt.Sprintf("%s %s/%d", uuid.NewString(), host, os.Getpid())
	return name[:min(len(name), longest)]
}

// WithTx returns a client that does its work in tx, a transaction of the caller's
// on the engine's database: it takes effect if and when that commits. The
// engine is not woken by what happens there; call [Engine.Wake] after the
// commit to spare the job up to a poll's time.
func (e *Engine) WithTx(tx bun.IDB) *Client {
	return &Client{engine: e, db: tx, inTx: true}
}

// Wake has the engine look for due jobs now. It does nothing if the engine does
// not run.
func (e *Engine) Wake() {
	if w := e.running(); w != nil {
		w.PollNow()
	}
}

// running returns the worker while Run is active, or nil.
func (e *Engine) running() *worker.Worker {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.worker
}

// RegisterOption is an option of [Engine.Register].
type RegisterOption func(*registration)

type registration struct {
	context func(context.Context, *model.Job) (context.Context, error)
}

// ContextFunc has factory make the context of each job's steps, from the run's
// own context and the job as it was claimed: a place for a logger, a tenant or
// a trace. It is called once for each run. An error fails the job.
func ContextFunc(factory func(ctx context.Context, job *model.Job) (context.Context, error)) RegisterOption {
	return func(r *registration) { r.context = factory }
}

// Register has the engine run the jobs of a definition's type, made with the
// package steps. It returns all mistakes of the definition together. A type can
// be registered once, and only before [Engine.Run].
func (e *Engine) Register(definition steps.Handler, opts ...RegisterOption) error {
	if definition == nil {
		return fmt.Errorf("register: %w", invalid("the definition is nil"))
	}
	jobType := definition.JobType()
	if err := definition.Validate(); err != nil {
		return fmt.Errorf("register job type %q: %w", jobType, invalid("%w", err))
	}
	var r registration
	for _, opt := range opts {
		opt(&r)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.worker != nil {
		return fmt.Errorf("register job type %q: %w: register all definitions before Run", jobType, ErrAlreadyRunning)
	}
	if _, taken := e.handlers[jobType]; taken {
		return fmt.Errorf("register job type %q: %w", jobType, invalid("the type is registered already; give each definition a type of its own"))
	}
	e.handlers[jobType] = execution.Handler{Handler: definition, Context: r.context}
	return nil
}

// Run claims and runs jobs of the registered types until ctx ends. It owns
// every goroutine that the engine starts and returns after the last has ended:
// it stops claiming, gives the steps under way [Config.Grace] to reach a
// boundary, ends their contexts with [ErrShutdown], and puts the jobs that have
// not ended back to scheduled with their records, to be continued by any engine.
// A step that ignores its context holds Run up.
//
// Run returns nil after a stop, and an error if it could not start. A database that
// refuses that is asked for some seconds. It can be called again after it has
// returned, but not twice at a time.
func (e *Engine) Run(ctx context.Context) error {
	w, err := e.start()
	if err != nil {
		return fmt.Errorf("run engine: %w", err)
	}
	defer func() {
		e.mu.Lock()
		e.worker = nil
		e.mu.Unlock()
	}()
	if err := w.Run(ctx); err != nil {
		return fmt.Errorf("run engine: %w", err)
	}
	return nil
}

func (e *Engine) start() (*worker.Worker, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.worker != nil {
		return nil, ErrAlreadyRunning
	}
	if len(e.handlers) == 0 {
		return nil, invalid("no definitions are registered: nothing could be run")
	}
	e.worker = worker.New(worker.Config{
		Config: execution.Config{
			Store: e.store, Owner: store.Owner{ID: ownerName(), Lease: e.config.Lease}, Heartbeat: e.config.Heartbeat,
			RetryInPlace: e.config.RetryInPlace, Limits: e.config.Limits.ofPlan(), Log: e.config.Logger, Redact: e.config.Redact,
			Handlers: maps.Clone(e.handlers), Jobs: jobsAdapter{e},
		},
		Poll: e.config.Poll, Grace: e.config.Grace, MaxRunning: e.config.MaxRunning, Listener: e.config.Listener,
	})
	return e.worker, nil
}

// Registered returns the definition of a job type, or nil.
func (e *Engine) Registered(jobType string) steps.Handler {
	e.mu.Lock()
	defer e.mu.Unlock()
	h, ok := e.handlers[jobType]
	if !ok {
		return nil
	}
	return h.Handler
}
