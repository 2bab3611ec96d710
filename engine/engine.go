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
	"github.com/ntxdev/jobsystem/steps/plan"
)

// newTimeout limits the time of the queries that New makes.
const newTimeout = 15 * time.Second

// Engine enqueues, runs, shows and controls jobs on one database. Several engines can use
// one database, in one process or in many. The methods that work on jobs are those of
// [Client]. All methods are safe for concurrent use.
type Engine struct {
	Client
	config Config
	store  *store.Store
	// history is how recent jobs went, for estimates.
	history *execution.History

	mu       sync.Mutex
	handlers map[string]execution.Handler
	worker   *worker.Worker // nil before Run
}

// Client enqueues, shows and controls jobs: on the engine's own database, or, if it was
// returned by [Engine.WithTx], in the caller's transaction. Its methods are safe for
// concurrent use if its database or transaction is.
type Client struct {
	engine *Engine
	db     bun.IDB
	inTx   bool
	redact model.Redactor // nil shows everything
}

// New returns an engine on db, whose tables package migrations has created. It makes a few
// queries, and returns an error if the tables are missing ([ErrNotMigrated]) or if the
// settings of the connection would change values. It starts nothing: see [Engine.Run].
func New(db *bun.DB, config Config) (*Engine, error) {
	if db == nil {
		return nil, fmt.Errorf("new engine: %w", invalid("the database is nil"))
	}
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("new engine: %w", err)
	}
	tables, err := model.TablesWithPrefix(config.TablePrefix)
	if err != nil {
		return nil, fmt.Errorf("new engine: %w", invalid("%w", err))
	}
	ctx, cancel := context.WithTimeout(context.Background(), newTimeout)
	defer cancel()
	s, err := store.New(ctx, db, tables)
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
		history:  execution.NewHistory(s),
		handlers: make(map[string]execution.Handler),
	}
	e.Client = Client{engine: e, db: db}
	return e, nil
}

// ownerName returns a random id for one start of an engine, followed by the host and the
// process for people to read. The engine itself uses only the id.
func ownerName() string {
	const longest = 200
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	name := fmt.Sprintf("%s %s/%d", uuid.NewString(), host, os.Getpid())
	return name[:min(len(name), longest)]
}

// WithTx returns a client that works in tx, the caller's transaction on the engine's
// database: its effects happen if and when the transaction commits. They do not wake this
// engine; call [Engine.Wake] after the commit, or the job waits for the next poll.
func (e *Engine) WithTx(tx bun.IDB) *Client {
	return &Client{engine: e, db: tx, inTx: true}
}

// Wake makes the engine look for due jobs now. It does nothing if the engine does not run.
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

// ContextFunc sets a function that returns the context of a job's steps, for example with a
// logger, a tenant or a trace. factory gets the run's own context, from which it must derive
// the new one, and the job as it was claimed. It is called once for each run. If it returns
// an error, the job fails.
func ContextFunc(factory func(ctx context.Context, job *model.Job) (context.Context, error)) RegisterOption {
	return func(r *registration) { r.context = factory }
}

// Register makes the engine run the jobs of a definition's type. Definitions are made with
// package steps. It returns all mistakes of the definition together, as an [ErrInvalid]. A
// type can be registered once, and only before [Engine.Run].
func (e *Engine) Register(definition steps.Handler, opts ...RegisterOption) error {
	if definition == nil {
		return fmt.Errorf("register: %w", invalid("the definition is nil"))
	}
	jobType, err := validate(definition)
	if err != nil {
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

// validate returns the type of a definition, and its mistakes. The type may be that of a
// host's type which embeds a definition, or nothing.
func validate(definition steps.Handler) (jobType string, err error) {
	err = plan.Guard(func() error {
		jobType = definition.JobType()
		if err := definition.Validate(); err != nil {
			return err
		}
		if err := model.CheckName(jobType); err != nil {
			return fmt.Errorf("job type %q %w", jobType, err)
		}
		return nil
	})
	return jobType, err
}

// Run claims and runs jobs of the registered types until ctx ends. It owns every goroutine
// that the engine starts, and returns after the last one has ended. When ctx ends, it stops
// claiming, gives the running steps [Config.Grace] to reach a boundary, ends their contexts
// with [ErrShutdown], and makes the jobs that have not ended scheduled again with their
// records, so that any engine can continue them. Run waits for a step that ignores its
// context.
//
// Run returns nil after a stop, and an error if it could not start. If the database is not
// available at the start, Run tries again for some seconds. Run can be called again after it
// has returned, but not twice at the same time.
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
		return nil, invalid("no definitions are registered: there is nothing to run")
	}
	e.worker = worker.New(worker.Config{
		Config: execution.Config{
			Store: e.store, Owner: store.Owner{ID: ownerName(), Lease: e.config.Lease}, Heartbeat: e.config.Heartbeat,
			RetryInPlace: e.config.RetryInPlace, DeployWindow: e.config.DeployWindow, Limits: e.config.Limits.ofPlan(), Log: e.config.Logger, Redact: e.config.Redact,
			Handlers: maps.Clone(e.handlers), History: e.history, Jobs: jobsAdapter{e},
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
