package cli

import (
	"slices"

	"github.com/uptrace/bun"

	"github.com/ntxdev/jobsystem/cli/internal/app"
	"github.com/ntxdev/jobsystem/engine"
	"github.com/ntxdev/jobsystem/steps"
)

// Registry is what [Options].Register registers definitions with.
type Registry struct {
	engine *engine.Engine
	db     *bun.DB
	only   []string // the types to register; nil for all

	offered, registered []string // types
}

// Register is [engine.Engine.Register]. It leaves out a type that the command does
// not want, as with worker --type.
func (r *Registry) Register(definition steps.Handler, opts ...engine.RegisterOption) error {
	if definition == nil {
		return r.engine.Register(definition, opts...) // it says what is wrong
	}
	r.offered = append(r.offered, definition.JobType())
	if r.only != nil && !slices.Contains(r.only, definition.JobType()) {
		return nil
	}
	if err := r.engine.Register(definition, opts...); err != nil {
		return err
	}
	r.registered = append(r.registered, definition.JobType())
	return nil
}

// checkOnly fails if a type is wanted that this binary does not have.
func (r *Registry) checkOnly() error {
	for _, jobType := range r.only {
		if !slices.Contains(r.offered, jobType) {
			return app.BadUsage("this binary does not have the job type %q: it has %q", jobType, r.offered)
		}
	}
	return nil
}

// register registers the host's definitions, or of them those of the types in only,
// if that is not nil, and returns the types that it has registered.
func (o Options) register(eng *engine.Engine, db *bun.DB, only []string) ([]string, error) {
	r := &Registry{engine: eng, db: db, only: only}
	if o.Register != nil {
		if err := o.Register(r); err != nil {
			return nil, err
		}
	}
	return r.registered, r.checkOnly()
}

// Engine returns the engine, for steps that enqueue other jobs.
func (r *Registry) Engine() *engine.Engine { return r.engine }

// DB returns the database of the jobs, for definitions that keep their own
// tables there. It is closed when the command has ended.
func (r *Registry) DB() *bun.DB { return r.db }
